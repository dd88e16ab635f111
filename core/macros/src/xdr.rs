//! `#[derive(Xdr)]`: a struct's wire form is its fields in order.
//!
//! A field of text that the protocol carries as an array of chars says so:
//! `#[xdr(fixed_chars = 32)]`, `#[xdr(chars = 64)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Expr, Field, Fields, Meta, Result};

pub(crate) fn expand(item: TokenStream) -> Result<TokenStream> {
    let item: DeriveInput = syn::parse2(item)?;
    let fields = match &item.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => &fields.named,
            _ => return Err(Error::new_spanned(&item.ident, "expected named fields")),
        },
        _ => return Err(Error::new_spanned(&item.ident, "expected a struct")),
    };
    let mut shapes = Vec::new();
    let mut encode = Vec::new();
    let mut decode = Vec::new();
    for field in fields {
        let (name, ty) = (&field.ident, &field.ty);
        match form(field)? {
            Form::Plain => {
                shapes.push(quote!(<#ty as ::oxivirt_core::wire::xdr::Xdr>::shape()));
                encode.push(quote!(::oxivirt_core::wire::xdr::Xdr::encode(&self.#name, out)?;));
                decode.push(quote!(#name: ::oxivirt_core::wire::xdr::Xdr::decode(input)?));
            }
            Form::FixedChars(len) => {
                shapes.push(quote!(::oxivirt_core::wire::shape::Shape::Vector {
                    of: Box::new(::oxivirt_core::wire::shape::Shape::Char),
                    len: #len,
                }));
                encode.push(quote!(::oxivirt_core::wire::xdr::field::encode_fixed_chars(&self.#name, #len, out)?;));
                decode.push(quote!(#name: ::oxivirt_core::wire::xdr::field::decode_fixed_chars(input, #len)?));
            }
            Form::Chars(max) => {
                shapes.push(quote!(::oxivirt_core::wire::xdr::field::array_shape::<i8>(#max)));
                encode.push(quote!(::oxivirt_core::wire::xdr::field::encode_chars(&self.#name, #max, out)?;));
                decode.push(quote!(#name: ::oxivirt_core::wire::xdr::field::decode_chars(input, #max)?));
            }
        }
    }
    let name = &item.ident;
    Ok(quote! {
        impl ::oxivirt_core::wire::xdr::Xdr for #name {
            fn shape() -> ::oxivirt_core::wire::shape::Shape {
                ::oxivirt_core::wire::shape::Shape::Struct(vec![#(#shapes),*])
            }
            #[allow(unused_variables)]
            fn encode(&self, out: &mut ::oxivirt_core::wire::xdr::Writer) -> ::oxivirt_core::Result<()> {
                #(#encode)*
                Ok(())
            }
            #[allow(unused_variables)]
            fn decode(input: &mut ::oxivirt_core::wire::xdr::Reader<'_>) -> ::oxivirt_core::Result<Self> {
                Ok(Self { #(#decode),* })
            }
        }
    })
}

enum Form {
    Plain,
    FixedChars(Expr),
    Chars(Expr),
}

fn form(field: &Field) -> Result<Form> {
    let Some(attribute) = field.attrs.iter().find(|attribute| attribute.path().is_ident("xdr")) else {
        return Ok(Form::Plain);
    };
    match attribute.parse_args::<Meta>()? {
        Meta::NameValue(pair) if pair.path.is_ident("fixed_chars") => Ok(Form::FixedChars(pair.value)),
        Meta::NameValue(pair) if pair.path.is_ident("chars") => Ok(Form::Chars(pair.value)),
        other => Err(Error::new_spanned(other, "expected fixed_chars = N or chars = N")),
    }
}
