//! `#[interface]`: one trait in, everything that follows from it out.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::spanned::Spanned;
use syn::{Error, ItemTrait, Result, TraitItem};

use crate::signature::Method;

/// Most methods of one interface: a prefix type holds 64 fields, of which one
/// is the mask of quick methods, and there must be room to grow.
const METHODS_MAX: usize = 50;

pub(crate) fn expand(args: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let local = match args.to_string().as_str() {
        "" => false,
        "local" => true,
        _ => return Err(Error::new(args.span(), "expected nothing or `local`")),
    };
    let item: ItemTrait = syn::parse2(item)?;
    let methods = item
        .items
        .iter()
        .map(|inner| match inner {
            TraitItem::Fn(function) => Method::read(function),
            other => Err(Error::new(other.span(), "an interface holds methods only")),
        })
        .collect::<Result<Vec<_>>>()?;
    if methods.len() > METHODS_MAX {
        return Err(Error::new(item.ident.span(), format!("more than {METHODS_MAX} methods: split by subject")));
    }
    let interface = Interface { item, methods };
    let parts = [
        interface.trait_item(),
        interface.calls(),
        interface.dispatch(),
        interface.client(),
        if local { TokenStream::new() } else { interface.vtable() },
        if local { TokenStream::new() } else { interface.shims() },
        if local { TokenStream::new() } else { interface.handle() },
        if local { TokenStream::new() } else { interface.client_table() },
    ];
    Ok(quote!(#(#parts)*))
}

struct Interface {
    item: ItemTrait,
    methods: Vec<Method>,
}

impl Interface {
    /// The trait itself; every method's body is "not supported".
    fn trait_item(&self) -> TokenStream {
        let (attrs, vis, name) = (&self.item.attrs, &self.item.vis, &self.item.ident);
        let methods = self.methods.iter().map(|method| {
            let (docs, signature, text) = (&method.docs, &method.signature, method.name.to_string());
            quote! {
                #(#docs)*
                #[allow(unused_variables, clippy::too_many_arguments)]
                #signature {
                    Err(crate::interface::not_supported(#text))
                }
            }
        });
        quote! {
            #(#attrs)*
            #vis trait #name: Send + Sync {
                #(#methods)*
            }
        }
    }

    /// The table that tests, documentation and the daemon read.
    fn calls(&self) -> TokenStream {
        let interface = self.item.ident.to_string();
        let rows = self.methods.iter().map(|method| {
            let name = method.name.to_string();
            let (number, program, write) = (&method.rpc.number, &method.rpc.program, method.rpc.write);
            let (acl, filter) = (&method.rpc.acl, &method.rpc.filter);
            let priority = if method.rpc.high { quote!(High) } else { quote!(Low) };
            let stream = match &method.rpc.stream {
                Some(direction) if direction == "read" => quote!(Some(crate::interface::StreamDirection::Read)),
                Some(_) => quote!(Some(crate::interface::StreamDirection::Write)),
                None => quote!(None),
            };
            let arguments = method.arguments.iter().map(|argument| {
                let (name, owned) = (argument.name.to_string(), argument.owned());
                quote!((#name, <#owned as crate::wire::xdr::Xdr>::shape()))
            });
            let answer = &method.answer;
            quote! {
                crate::interface::CallDescription {
                    interface: #interface,
                    name: #name,
                    program: crate::wire::message::Program::#program,
                    number: #number,
                    acl: &[#(#acl),*],
                    filter: &[#(#filter),*],
                    priority: crate::interface::Priority::#priority,
                    write: #write,
                    stream: #stream,
                    arguments: || vec![#(#arguments),*],
                    answer: || <#answer as crate::wire::xdr::Xdr>::shape(),
                }
            }
        });
        quote! {
            /// The calls of this interface, in the order of the vtable.
            pub const CALLS: &[crate::interface::CallDescription] = &[#(#rows),*];
        }
    }

    /// Wire bytes to method call to wire bytes.
    fn dispatch(&self) -> TokenStream {
        let name = &self.item.ident;
        let arms = self.methods.iter().enumerate().map(|(index, method)| {
            let method_name = &method.name;
            let decode = method.arguments.iter().map(|argument| {
                let (name, owned) = (&argument.name, argument.owned());
                quote!(let #name = <#owned as crate::wire::xdr::Xdr>::decode(__input)?;)
            });
            let lend = method.arguments.iter().map(|argument| argument.lend());
            quote! {
                #index => {
                    #(#decode)*
                    crate::wire::xdr::Xdr::encode(&__target.#method_name(__call, #(#lend),*)?, __out)
                }
            }
        });
        quote! {
            /// Decodes the arguments of call `index` of [`CALLS`], makes the
            /// call on `target` and encodes its answer.
            #[allow(unused_variables)]
            pub fn dispatch<Target: #name + ?Sized>(
                __target: &Target,
                __index: usize,
                __call: &crate::call::Call,
                __input: &mut crate::wire::xdr::Reader<'_>,
                __out: &mut crate::wire::xdr::Writer,
            ) -> crate::Result<()> {
                match __index {
                    #(#arms)*
                    _ => Err(crate::Error::internal(format!("interface has no call {__index}"))),
                }
            }
        }
    }

    /// The trait over any transport.
    fn client(&self) -> TokenStream {
        let name = &self.item.ident;
        let methods = self.methods.iter().enumerate().map(|(index, method)| {
            let signature = &method.signature;
            let encode = method.arguments.iter().map(|argument| argument.encode());
            let answer = &method.answer;
            quote! {
                #signature {
                    #[allow(unused_mut)]
                    let mut __out = crate::wire::xdr::Writer::new();
                    #(#encode)*
                    let __answer = self.transport().round_trip(call, &CALLS[#index], __out.into_bytes())?;
                    <#answer as crate::wire::xdr::Xdr>::decode(&mut crate::wire::xdr::Reader::new(&__answer))
                }
            }
        });
        quote! {
            impl<T: crate::client::Transport> #name for crate::client::Client<T> {
                #(#methods)*
            }
        }
    }

    /// The prefix type with one optional slot per method.
    fn vtable(&self) -> TokenStream {
        let (vtable, reference) = (self.vtable_name(), self.reference_name());
        let slots = self.methods.iter().map(|method| {
            let (name, answer) = (&method.name, method.abi_answer());
            let types = method.arguments.iter().map(|argument| argument.abi());
            quote! {
                pub #name: Option<
                    unsafe extern "C" fn(
                        crate::object::Borrowed,
                        &crate::call::Call,
                        #(#types),*
                    ) -> crate::abi::RResult<#answer, crate::Error>,
                >
            }
        });
        let none = self.methods.iter().map(|method| {
            let name = &method.name;
            quote!(#name: None)
        });
        let bits = self.methods.iter().enumerate().map(|(index, method)| {
            let bit = method.bit();
            quote!(pub const #bit: u64 = 1 << #index;)
        });
        let supports = self.methods.iter().enumerate().map(|(index, method)| {
            let name = &method.name;
            quote!(#index => self.#name().flatten().is_some())
        });
        quote! {
            /// The interface as it crosses the plugin boundary.
            #[doc(hidden)]
            #[allow(missing_docs)]
            #[repr(C)]
            #[derive(::abi_stable::StableAbi)]
            #[sabi(kind(Prefix(prefix_ref = #reference)))]
            #[sabi(missing_field(option))]
            pub struct #vtable {
                #[sabi(last_prefix_field)]
                pub quick: u64,
                #(#slots),*
            }

            #[doc(hidden)]
            #[allow(missing_docs)]
            impl #vtable {
                pub const NONE: Self = Self { quick: 0, #(#none),* };
                #(#bits)*
            }

            impl crate::interface::Vtable for #reference {
                fn quick(&self) -> u64 {
                    #reference::quick(self)
                }
                fn supports(&self, index: usize) -> bool {
                    match index {
                        #(#supports,)*
                        _ => false,
                    }
                }
            }
        }
    }

    /// `extern "C"` functions that call an implementor and catch its panics.
    fn shims(&self) -> TokenStream {
        let interface = &self.item.ident;
        let shims = self.methods.iter().map(|method| {
            let (name, text, answer) = (&method.name, method.name.to_string(), method.abi_answer());
            let parameters = method.arguments.iter().map(|argument| {
                let (name, ty) = (&argument.name, argument.abi());
                quote!(#name: #ty)
            });
            let values = method.arguments.iter().map(|argument| argument.lift());
            let converted = method.convert_answer(quote!(answer), true);
            quote! {
                pub unsafe extern "C" fn #name<T: #interface>(
                    __this: crate::object::Borrowed,
                    __call: &crate::call::Call,
                    #(#parameters),*
                ) -> crate::abi::RResult<#answer, crate::Error> {
                    crate::object::guarded(#text, || {
                        // SAFETY: the table that holds this function is only
                        // ever joined with objects of type `T`.
                        let __target = unsafe { __this.cast::<T>() };
                        __target.#name(__call, #(#values),*).map(|answer| #converted)
                    })
                }
            }
        });
        quote! {
            #[doc(hidden)]
            #[allow(missing_docs, unsafe_code, improper_ctypes_definitions, clippy::missing_safety_doc, clippy::too_many_arguments, clippy::useless_conversion)]
            pub mod shim {
                use super::*;
                #(#shims)*
            }
        }
    }

    /// The trait on the host's handle of a plugin's connection.
    fn handle(&self) -> TokenStream {
        let (interface, reference) = (&self.item.ident, self.reference_name());
        let methods = self.methods.iter().map(|method| {
            let (name, text, signature) = (&method.name, method.name.to_string(), &method.signature);
            let values = method.arguments.iter().map(|argument| argument.lower());
            let converted = method.convert_answer(quote!(answer), false);
            quote! {
                #signature {
                    let table = <crate::connection::Connection as crate::interface::Has<#reference>>::table(self);
                    let Some(function) = table.and_then(|table| table.#name()).flatten() else {
                        return Err(crate::interface::not_supported(#text));
                    };
                    // SAFETY: the slot came from the table of this very object.
                    let answer = unsafe { function(self.object(), call, #(#values),*) };
                    answer.into_result().map(|answer| #converted)
                }
            }
        });
        quote! {
            #[allow(unsafe_code, clippy::too_many_arguments, clippy::useless_conversion)]
            impl #interface for crate::connection::Connection {
                #(#methods)*
            }
        }
    }

    /// The vtable of a client, every slot filled: it can be a driver's connection.
    fn client_table(&self) -> TokenStream {
        let (vtable, reference) = (self.vtable_name(), self.reference_name());
        let slots = self.methods.iter().map(|method| {
            let name = &method.name;
            quote!(#name: Some(shim::#name::<Self>))
        });
        quote! {
            #[allow(unsafe_code)]
            impl<T: crate::client::Transport + 'static> crate::interface::Provides<#reference>
                for crate::client::Client<T>
            {
                const TABLE: #reference = #reference(::abi_stable::prefix_type::WithMetadata::static_as_prefix(const {
                    &::abi_stable::prefix_type::WithMetadata::new(
                        <Self as crate::interface::Fill<#vtable>>::FILLED,
                    )
                }));
            }

            #[allow(unsafe_code)]
            impl<T: crate::client::Transport + 'static> crate::interface::Fill<#vtable>
                for crate::client::Client<T>
            {
                const FILLED: #vtable = #vtable { quick: 0, #(#slots,)* };
            }
        }
    }

    fn vtable_name(&self) -> syn::Ident {
        format_ident!("{}Vtable", self.item.ident)
    }

    fn reference_name(&self) -> syn::Ident {
        format_ident!("{}VtableRef", self.item.ident)
    }
}
