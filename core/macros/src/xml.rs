//! `#[derive(Element)]`: a struct as one element of an XML document.
//!
//! Each field says where it stands with `#[xml(KIND, OPTION…)]`; the order of
//! fields is the order in which they are printed, attributes first.
//!
//! | kind | field type | stands as |
//! |---|---|---|
//! | `attr` | `T`, `Option<T>` | an attribute |
//! | `text` | `T`, `Option<T>` | the element's own text |
//! | `leaf` | `T`, `Option<T>`, `Vec<T>`, `Rare<Vec<T>>` | `<name>text</name>` |
//! | `flag` | `bool` | `<name/>` |
//! | `child` | `T`, `Option<T>` | an element; a plain `T` is not printed when empty |
//! | `children` | `Vec<T>`, `Rare<Vec<T>>` | elements of that name, in order |
//! | `flatten` | `T` | attributes and children in this same element; in front of an `attr`, attributes only |
//! | `skip` | any with `Default` | nowhere |
//!
//! Options: `= "name"` behind the kind renames (the field's name otherwise);
//! `default` takes the type's default where a plain `T` is absent; `hide`
//! does so and also leaves the default out when printing; `hex = N` prints
//! `0x` and N digits; `live` reads and prints in live documents only;
//! `secure` prints with secrets only; `wrap = "name"` puts `children` or
//! `leaf` lists into one element around them, absent when the list is empty.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Data, DeriveInput, Error, Field, Fields, GenericArgument, Ident, LitInt, LitStr, PathArguments, Result, Type,
};

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Attr,
    Text,
    Leaf,
    Flag,
    Child,
    Children,
    Flatten,
    Skip,
}

struct Spec {
    ident: Ident,
    kind: Kind,
    name: String,
    shape: Shape,
    /// A list in a `Rare`.
    rare: bool,
    default: bool,
    hide: bool,
    live: bool,
    secure: bool,
    hex: Option<usize>,
    wrap: Option<String>,
}

#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Plain,
    Optional,
    List,
}

/// Implements `oxivirt_conf::xml::Element` for a struct with named fields.
pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(&input.ident, "Element is derived for structs only"));
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(Error::new_spanned(&input.ident, "Element needs named fields"));
    };
    let specs = fields.named.iter().map(spec).collect::<Result<Vec<_>>>()?;
    let name = &input.ident;
    let reads = specs.iter().map(read);
    let idents = specs.iter().map(|s| &s.ident);
    // A flattened struct in front of an attribute holds attributes too.
    let last_attr = specs.iter().rposition(|s| s.kind == Kind::Attr).unwrap_or(0);
    let is_attr = |at: usize, s: &Spec| s.kind == Kind::Attr || (s.kind == Kind::Flatten && at < last_attr);
    let part =
        |attrs: bool| specs.iter().enumerate().filter(move |(at, s)| is_attr(*at, s) == attrs).map(|(_, s)| write(s));
    let (attrs, rest) = (part(true), part(false));
    Ok(quote! {
        impl crate::xml::Element for #name {
            fn parse(__node: crate::xml::Node<'_>) -> ::oxivirt_core::Result<Self> {
                #(#reads)*
                Ok(Self { #(#idents),* })
            }

            fn format(&self, __w: &mut crate::xml::Writer) {
                #(#attrs)*
                #(#rest)*
            }
        }
    })
}

fn spec(field: &Field) -> Result<Spec> {
    let ident = field.ident.clone().ok_or_else(|| Error::new_spanned(field, "a named field"))?;
    let plain = ident.to_string();
    let plain = plain.trim_start_matches("r#").trim_end_matches('_').to_owned();
    let mut spec = Spec {
        ident,
        kind: Kind::Skip,
        name: plain,
        shape: shape(&field.ty),
        rare: is_rare(&field.ty),
        default: false,
        hide: false,
        live: false,
        secure: false,
        hex: None,
        wrap: None,
    };
    let mut found = false;
    for attr in field.attrs.iter().filter(|a| a.path().is_ident("xml")) {
        attr.parse_nested_meta(|meta| {
            let word = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
            match word.as_str() {
                "default" => spec.default = true,
                "hide" => (spec.default, spec.hide) = (true, true),
                "live" => spec.live = true,
                "secure" => spec.secure = true,
                "hex" => spec.hex = Some(meta.value()?.parse::<LitInt>()?.base10_parse()?),
                "wrap" => spec.wrap = Some(meta.value()?.parse::<LitStr>()?.value()),
                kind => {
                    spec.kind = match kind {
                        "attr" => Kind::Attr,
                        "text" => Kind::Text,
                        "leaf" => Kind::Leaf,
                        "flag" => Kind::Flag,
                        "child" => Kind::Child,
                        "children" => Kind::Children,
                        "flatten" => Kind::Flatten,
                        "skip" => Kind::Skip,
                        _ => return Err(meta.error("unknown word, see the list in core/macros/src/xml.rs")),
                    };
                    found = true;
                    if meta.input.peek(syn::Token![=]) {
                        spec.name = meta.value()?.parse::<LitStr>()?.value();
                    }
                }
            }
            Ok(())
        })?;
    }
    if !found {
        return Err(Error::new_spanned(field, "every field says where it stands: #[xml(attr)], #[xml(child)], …"));
    }
    Ok(spec)
}

fn shape(ty: &Type) -> Shape {
    let mut ty = ty;
    // Types that come through macro_rules! are wrapped in a group.
    while let Type::Group(group) = ty {
        ty = &group.elem;
    }
    match ty {
        Type::Path(path) => match path.path.segments.last() {
            Some(last) if last.ident == "Option" => Shape::Optional,
            Some(last) if last.ident == "Vec" => Shape::List,
            Some(last) if last.ident == "Rare" => match &last.arguments {
                PathArguments::AngleBracketed(inner) => match inner.args.first() {
                    Some(GenericArgument::Type(inner)) => shape(inner),
                    _ => Shape::Plain,
                },
                _ => Shape::Plain,
            },
            _ => Shape::Plain,
        },
        _ => Shape::Plain,
    }
}

/// Whether a list stands in a `Rare`.
fn is_rare(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    shape(ty) == Shape::List && path.path.segments.last().is_some_and(|last| last.ident == "Rare")
}

fn read(spec: &Spec) -> TokenStream {
    let Spec { ident, name, .. } = spec;
    let absent_attr =
        if spec.default { quote!(unwrap_or_default()) } else { quote!(ok_or_else(|| __node.missing_attr(#name))?) };
    let absent_child =
        if spec.default { quote!(unwrap_or_default()) } else { quote!(ok_or_else(|| __node.missing_child(#name))?) };
    let list = |each: TokenStream| match &spec.wrap {
        None => quote!(__node.#each(#name)?),
        Some(wrap) => quote!(match __node.child(#wrap) {
            Some(__inner) => __inner.#each(#name)?,
            None => Vec::new(),
        }),
    };
    let value = match (spec.kind, spec.shape) {
        (Kind::Attr, Shape::Optional) => quote!(__node.value(#name)?),
        (Kind::Attr, _) => quote!(__node.value(#name)?.#absent_attr),
        (Kind::Text, Shape::Optional) => {
            quote!(if __node.text().is_empty() { None } else { Some(__node.text_value()?) })
        }
        (Kind::Text, _) => quote!(__node.text_value()?),
        (Kind::Leaf, Shape::Optional) => quote!(__node.child_value(#name)?),
        (Kind::Leaf, Shape::List) => {
            let from = match &spec.wrap {
                None => quote!(Some(__node)),
                Some(wrap) => quote!(__node.child(#wrap)),
            };
            quote!(match #from {
                Some(__inner) => __inner
                    .children_named(#name)
                    .map(|__leaf| __leaf.text_value())
                    .collect::<::oxivirt_core::Result<Vec<_>>>()?,
                None => Vec::new(),
            })
        }
        (Kind::Leaf, Shape::Plain) => quote!(__node.child_value(#name)?.#absent_child),
        (Kind::Flag, _) => quote!(__node.child(#name).is_some()),
        (Kind::Child, Shape::Optional) => quote!(__node.child_element(#name)?),
        (Kind::Child, _) => quote!(__node.child_element(#name)?.unwrap_or_default()),
        (Kind::Children, _) => list(quote!(child_elements)),
        (Kind::Flatten, _) => quote!(crate::xml::Element::parse(__node)?),
        (Kind::Skip, _) => quote!(Default::default()),
    };
    let value = if spec.rare && spec.kind != Kind::Skip { quote!((#value).into()) } else { value };
    if spec.live && spec.kind != Kind::Skip {
        quote!(let #ident = if __node.mode().live { #value } else { Default::default() };)
    } else {
        quote!(let #ident = #value;)
    }
}

fn write(spec: &Spec) -> TokenStream {
    let Spec { ident, name, .. } = spec;
    let attr = |value: TokenStream| match spec.hex {
        Some(width) => quote!(__w.attr_hex(#name, *#value, #width);),
        None => quote!(__w.attr(#name, #value);),
    };
    let optional = |inner: TokenStream| quote!(if let Some(__value) = &self.#ident { #inner });
    let mut out = match (spec.kind, spec.shape) {
        (Kind::Attr, Shape::Optional) => optional(attr(quote!(__value))),
        (Kind::Attr, _) => attr(quote!(&self.#ident)),
        (Kind::Text, Shape::Optional) => optional(quote!(__w.text(__value);)),
        (Kind::Text, _) => quote!(__w.text(&self.#ident);),
        (Kind::Leaf, Shape::Optional) => optional(quote!(__w.leaf(#name, __value);)),
        (Kind::Leaf, Shape::List) => quote!(for __value in &self.#ident { __w.leaf(#name, __value); }),
        (Kind::Leaf, Shape::Plain) => quote!(__w.leaf(#name, &self.#ident);),
        (Kind::Flag, _) => quote!(if self.#ident { __w.flag(#name); }),
        (Kind::Child, Shape::Optional) => optional(quote!(__w.element(#name, __value);)),
        (Kind::Child, _) => quote!(__w.element_unless_empty(#name, &self.#ident);),
        (Kind::Children, _) => quote!(__w.elements(#name, &self.#ident);),
        (Kind::Flatten, _) => quote!(crate::xml::Element::format(&self.#ident, __w);),
        (Kind::Skip, _) => quote!(),
    };
    if let Some(wrap) = &spec.wrap {
        out = quote!(if !self.#ident.is_empty() { __w.open(#wrap); #out __w.close(); });
    }
    if spec.hide {
        out = quote!(if self.#ident != Default::default() { #out });
    }
    if spec.live {
        out = quote!(if __w.mode().live { #out });
    }
    if spec.secure {
        out = quote!(if __w.mode().secure { #out });
    }
    out
}
