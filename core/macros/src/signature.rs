//! What the macros read from one method of an interface.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::parse::Parse;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{
    Attribute, Error, Expr, FnArg, GenericArgument, Ident, LitInt, Pat, PathArguments, Result, ReturnType, Signature,
    Token, TraitItemFn, Type, TypePath,
};

/// The `#[rpc(..)]` line.
pub(crate) struct Rpc {
    pub(crate) number: LitInt,
    pub(crate) program: Ident,
    pub(crate) acl: Vec<Expr>,
    pub(crate) filter: Vec<Expr>,
    pub(crate) high: bool,
    pub(crate) write: bool,
    pub(crate) stream: Option<Ident>,
}

impl Parse for Rpc {
    fn parse(input: syn::parse::ParseStream<'_>) -> Result<Self> {
        let mut rpc = Rpc {
            number: input.parse()?,
            program: Ident::new("REMOTE", Span::call_site()),
            acl: Vec::new(),
            filter: Vec::new(),
            high: false,
            write: false,
            stream: None,
        };
        while input.parse::<Option<Token![,]>>()?.is_some() && !input.is_empty() {
            let key: Ident = input.parse()?;
            match key.to_string().as_str() {
                "high" => rpc.high = true,
                "write" => rpc.write = true,
                "acl" => rpc.acl = list(input)?,
                "filter" => rpc.filter = list(input)?,
                "program" => rpc.program = value(input)?,
                "stream" => rpc.stream = Some(value(input)?),
                _ => return Err(Error::new(key.span(), "expected high, write, acl, filter, program or stream")),
            }
        }
        Ok(rpc)
    }
}

fn value(input: syn::parse::ParseStream<'_>) -> Result<Ident> {
    input.parse::<Token![=]>()?;
    input.parse()
}

fn list(input: syn::parse::ParseStream<'_>) -> Result<Vec<Expr>> {
    input.parse::<Token![=]>()?;
    let content;
    syn::bracketed!(content in input);
    Ok(Punctuated::<Expr, Token![,]>::parse_terminated(&content)?.into_iter().collect())
}

/// How an argument crosses the plugin boundary and the wire.
pub(crate) enum Kind {
    /// `&str`
    Text,
    /// `Option<&str>`
    OptionalText,
    /// `&T`
    Reference(Type),
    /// `Option<&T>`
    OptionalReference(Type),
    /// `T`, passed by value
    Value(Type),
}

/// One argument after `call`.
pub(crate) struct Argument {
    pub(crate) name: Ident,
    pub(crate) kind: Kind,
}

impl Argument {
    /// The type at the plugin boundary.
    pub(crate) fn abi(&self) -> TokenStream {
        match &self.kind {
            Kind::Text => quote!(crate::abi::RStr<'_>),
            Kind::OptionalText => quote!(crate::abi::ROption<crate::abi::RStr<'_>>),
            Kind::Reference(ty) => quote!(&#ty),
            Kind::OptionalReference(ty) => quote!(crate::abi::ROption<&#ty>),
            Kind::Value(ty) => quote!(#ty),
        }
    }

    /// Rust form to boundary form.
    pub(crate) fn lower(&self) -> TokenStream {
        let name = &self.name;
        match &self.kind {
            Kind::Text => quote!(crate::abi::RStr::from(#name)),
            Kind::OptionalText => quote!(#name.map(crate::abi::RStr::from).into()),
            Kind::OptionalReference(_) => quote!(#name.into()),
            _ => quote!(#name),
        }
    }

    /// Boundary form to Rust form.
    pub(crate) fn lift(&self) -> TokenStream {
        let name = &self.name;
        match &self.kind {
            Kind::Text => quote!(#name.as_str()),
            Kind::OptionalText => quote!(#name.into_option().map(|text| text.as_str())),
            Kind::OptionalReference(_) => quote!(#name.into_option()),
            _ => quote!(#name),
        }
    }

    /// The owned type that is read from the wire.
    pub(crate) fn owned(&self) -> TokenStream {
        match &self.kind {
            Kind::Text => quote!(String),
            Kind::OptionalText => quote!(Option<String>),
            Kind::Reference(ty) | Kind::Value(ty) => quote!(#ty),
            Kind::OptionalReference(ty) => quote!(Option<#ty>),
        }
    }

    /// The owned value as the method wants it.
    pub(crate) fn lend(&self) -> TokenStream {
        let name = &self.name;
        match &self.kind {
            Kind::Text | Kind::Reference(_) => quote!(&#name),
            Kind::OptionalText => quote!(#name.as_deref()),
            Kind::OptionalReference(_) => quote!(#name.as_ref()),
            Kind::Value(_) => quote!(#name),
        }
    }

    /// Statement that writes the argument to `out`.
    pub(crate) fn encode(&self) -> TokenStream {
        let name = &self.name;
        match &self.kind {
            Kind::Text => quote!(crate::wire::xdr::encode_str(#name, &mut __out)?;),
            Kind::OptionalText => {
                quote!(crate::wire::xdr::Xdr::encode(&#name.map(String::from), &mut __out)?;)
            }
            Kind::OptionalReference(_) => {
                quote!(crate::wire::xdr::Xdr::encode(&#name.cloned(), &mut __out)?;)
            }
            Kind::Reference(_) => quote!(crate::wire::xdr::Xdr::encode(#name, &mut __out)?;),
            Kind::Value(_) => quote!(crate::wire::xdr::Xdr::encode(&#name, &mut __out)?;),
        }
    }
}

/// One method of an interface.
pub(crate) struct Method {
    pub(crate) name: Ident,
    pub(crate) signature: Signature,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) rpc: Rpc,
    pub(crate) arguments: Vec<Argument>,
    /// What is inside `Result<..>`.
    pub(crate) answer: Type,
}

impl Method {
    pub(crate) fn read(item: &TraitItemFn) -> Result<Self> {
        let mut docs = Vec::new();
        let mut rpc = None;
        for attribute in &item.attrs {
            match attribute.path().is_ident("rpc") {
                true => rpc = Some(attribute.parse_args::<Rpc>()?),
                false => docs.push(attribute.clone()),
            }
        }
        let rpc = rpc.ok_or_else(|| Error::new(item.sig.span(), "an interface method needs its #[rpc(..)] line"))?;
        if item.default.is_some() {
            return Err(Error::new(item.sig.span(), "an interface method has no body; the default is not supported"));
        }
        let mut inputs = item.sig.inputs.iter();
        let receiver = inputs.next();
        let call = inputs.next();
        if !matches!(receiver, Some(FnArg::Receiver(_))) || !matches!(call, Some(FnArg::Typed(_))) {
            return Err(Error::new(item.sig.span(), "expected (&self, call: &Call, ..)"));
        }
        Ok(Method {
            name: item.sig.ident.clone(),
            signature: item.sig.clone(),
            docs,
            rpc,
            arguments: inputs.map(argument).collect::<Result<_>>()?,
            answer: answer(&item.sig.output)?,
        })
    }

    /// The answer's type at the plugin boundary.
    pub(crate) fn abi_answer(&self) -> TokenStream {
        let ty = &self.answer;
        match last_segment(ty) {
            Some((name, _)) if name == "String" => quote!(crate::abi::RString),
            Some((name, Some(inner))) if name == "Option" && is_named(&inner, "String") => {
                quote!(crate::abi::ROption<crate::abi::RString>)
            }
            _ => quote!(#ty),
        }
    }

    /// Converts `value` between the Rust and the boundary form, either way.
    pub(crate) fn convert_answer(&self, value: TokenStream, to_abi: bool) -> TokenStream {
        match last_segment(&self.answer) {
            Some((name, _)) if name == "String" => quote!(#value.into()),
            Some((name, Some(inner))) if name == "Option" && is_named(&inner, "String") => match to_abi {
                true => quote!(#value.map(crate::abi::RString::from).into()),
                false => quote!(#value.into_option().map(String::from)),
            },
            _ => value,
        }
    }

    /// Name of the constant with this method's bit in the `quick` mask.
    pub(crate) fn bit(&self) -> Ident {
        bit(&self.name)
    }
}

/// Name of the constant with a method's bit in the `quick` mask.
pub(crate) fn bit(method: &Ident) -> Ident {
    format_ident!("BIT_{}", method.to_string().to_uppercase())
}

fn argument(input: &FnArg) -> Result<Argument> {
    let FnArg::Typed(typed) = input else {
        return Err(Error::new(input.span(), "expected a named argument"));
    };
    let Pat::Ident(pattern) = &*typed.pat else {
        return Err(Error::new(typed.pat.span(), "expected a plain name"));
    };
    Ok(Argument { name: pattern.ident.clone(), kind: kind(&typed.ty) })
}

fn kind(ty: &Type) -> Kind {
    if let Type::Reference(reference) = ty {
        return match is_named(&reference.elem, "str") {
            true => Kind::Text,
            false => Kind::Reference((*reference.elem).clone()),
        };
    }
    match last_segment(ty) {
        Some((name, Some(Type::Reference(inner)))) if name == "Option" => match is_named(&inner.elem, "str") {
            true => Kind::OptionalText,
            false => Kind::OptionalReference((*inner.elem).clone()),
        },
        _ => Kind::Value(ty.clone()),
    }
}

fn answer(output: &ReturnType) -> Result<Type> {
    if let ReturnType::Type(_, ty) = output
        && let Some((name, Some(inner))) = last_segment(ty)
        && name == "Result"
    {
        return Ok(inner);
    }
    Err(Error::new(output.span(), "an interface method returns Result<..>"))
}

/// The last name of a path and its first type argument.
fn last_segment(ty: &Type) -> Option<(String, Option<Type>)> {
    let Type::Path(TypePath { path, .. }) = ty else { return None };
    let segment = path.segments.last()?;
    let inner = match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(ty.clone()),
            _ => None,
        }),
        _ => None,
    };
    Some((segment.ident.to_string(), inner))
}

fn is_named(ty: &Type, name: &str) -> bool {
    last_segment(ty).is_some_and(|(found, _)| found == name)
}
