//! Attribute and derive macros of `oxivirt-core`.
//!
//! Use them through `oxivirt_core`; the code they write refers to that crate
//! by path. What each of them derives is described where it is re-exported.

mod implement;
mod interface;
mod signature;
mod xdr;
mod xml;

use proc_macro::TokenStream;

/// Derives everything that follows from a driver interface; see
/// `oxivirt_core::interface`.
#[proc_macro_attribute]
pub fn interface(args: TokenStream, item: TokenStream) -> TokenStream {
    done(interface::expand(args.into(), item.into()))
}

/// Turns `impl Interface for Type` into the interface's vtable as well,
/// holding exactly the methods that are written.
#[proc_macro_attribute]
pub fn implements(args: TokenStream, item: TokenStream) -> TokenStream {
    done(implement::expand(args.into(), item.into()))
}

/// Derives the wire form of a struct: its fields in order.
#[proc_macro_derive(Xdr, attributes(xdr))]
pub fn xdr(item: TokenStream) -> TokenStream {
    done(xdr::expand(item.into()))
}

/// Derives `oxivirt_conf::xml::Element`: a struct as one element of an XML
/// document. Usable inside that crate.
#[proc_macro_derive(Element, attributes(xml))]
pub fn element(item: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(item as syn::DeriveInput);
    done(xml::derive(&input))
}

fn done(result: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    result.unwrap_or_else(|error| error.to_compile_error()).into()
}
