//! `#[implements]`: an `impl` block in, the same block and its vtable out.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::spanned::Spanned;
use syn::{Error, ImplItem, ItemImpl, Path, Result};

use crate::signature::bit;

pub(crate) fn expand(args: TokenStream, item: TokenStream) -> Result<TokenStream> {
    if !args.is_empty() {
        return Err(Error::new(args.span(), "no arguments are defined"));
    }
    let mut item: ItemImpl = syn::parse2(item)?;
    let interface = match &item.trait_ {
        Some((path, _)) => path.clone(),
        None => return Err(Error::new(item.span(), "expected `impl Interface for Type`")),
    };
    let (vtable, reference, shim) = siblings(&interface)?;
    let mut slots = Vec::new();
    let mut quick = Vec::new();
    for inner in &mut item.items {
        let ImplItem::Fn(function) = inner else { continue };
        let name = &function.sig.ident;
        let cfg: Vec<_> = function.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect();
        slots.push(quote!(#(#cfg)* #name: Some(#shim::#name::<Self>)));
        let before = function.attrs.len();
        function.attrs.retain(|attribute| !attribute.path().is_ident("quick"));
        if function.attrs.len() != before {
            let bit = bit(&function.sig.ident);
            quick.push(quote!(| #vtable::#bit));
        }
    }
    let (generics, ty) = (&item.generics, &item.self_ty);
    Ok(quote! {
        #item

        #[allow(unsafe_code)]
        impl #generics ::oxivirt_core::interface::Provides<#reference> for #ty {
            const TABLE: #reference = {
                const TABLE: &::oxivirt_core::abi::WithMetadata<#vtable> =
                    &::oxivirt_core::abi::WithMetadata::new(<#ty as ::oxivirt_core::interface::Fill<#vtable>>::FILLED);
                #reference(TABLE.static_as_prefix())
            };
        }

        #[allow(unsafe_code)]
        impl #generics ::oxivirt_core::interface::Fill<#vtable> for #ty {
            #[allow(clippy::needless_update)]
            const FILLED: #vtable = #vtable { quick: 0 #(#quick)*, #(#slots,)* ..#vtable::NONE };
        }
    })
}

/// The vtable, its reference and the shims stand in the interface's own
/// module, which is named after the interface in snake case.
fn siblings(interface: &Path) -> Result<(TokenStream, TokenStream, TokenStream)> {
    let Some(name) = interface.segments.last().map(|segment| segment.ident.clone()) else {
        return Err(Error::new(interface.span(), "expected the name of an interface"));
    };
    let mut snake = String::new();
    for (at, letter) in name.to_string().chars().enumerate() {
        if letter.is_uppercase() && at > 0 {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    let module = format_ident!("{snake}");
    let (vtable, reference) = (format_ident!("{name}Vtable"), format_ident!("{name}VtableRef"));
    let path = quote!(::oxivirt_core::interface::#module);
    Ok((quote!(#path::#vtable), quote!(#path::#reference), quote!(#path::shim)))
}
