//! Arrays whose type says their limit on the wire.
//!
//! UNSAFETY: `List` and `Bytes` are transparent wrappers of `RVec`, so they
//! borrow its layout. The limit is a rule of the wire and deliberately no part
//! of the layout: a limit that grows must not turn older plugins away.
#![allow(unsafe_code)]

use std::ops::Deref;

use abi_stable::StableAbi;
use abi_stable::abi_stability::get_static_equivalent::GetStaticEquivalent_;
use abi_stable::std_types::RVec;
use abi_stable::type_layout::TypeLayout;

use crate::wire::shape::Shape;
use crate::wire::xdr::{Reader, Writer, Xdr, decode_array, encode_array, field};
use crate::{Error, ErrorCode, Result};

/// At most `MAX` elements.
#[repr(transparent)]
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct List<T, const MAX: usize>(RVec<T>);

// SAFETY: `repr(transparent)` over `RVec<T>`.
unsafe impl<T: StableAbi, const MAX: usize> GetStaticEquivalent_ for List<T, MAX> {
    type StaticEquivalent = <RVec<T> as GetStaticEquivalent_>::StaticEquivalent;
}

// SAFETY: as above.
unsafe impl<T: StableAbi, const MAX: usize> StableAbi for List<T, MAX> {
    type IsNonZeroType = <RVec<T> as StableAbi>::IsNonZeroType;
    const LAYOUT: &'static TypeLayout = <RVec<T> as StableAbi>::LAYOUT;
}

impl<T, const MAX: usize> List<T, MAX> {
    /// Takes the elements; refuses more than the wire can carry.
    pub fn new(items: Vec<T>) -> Result<Self> {
        match items.len() <= MAX {
            true => Ok(Self(items.into())),
            false => Err(Error::new(ErrorCode::RPC, format!("too many elements: {} for limit {MAX}", items.len()))),
        }
    }

    /// The elements.
    pub fn into_vec(self) -> Vec<T> {
        self.0.into()
    }
}

impl<T, const MAX: usize> Deref for List<T, MAX> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Xdr, const MAX: usize> Xdr for List<T, MAX> {
    fn shape() -> Shape {
        field::array_shape::<T>(MAX)
    }
    fn encode(&self, out: &mut Writer) -> Result<()> {
        encode_array(&self.0, MAX, out)
    }
    fn decode(input: &mut Reader<'_>) -> Result<Self> {
        decode_array(input, MAX).map(|items| Self(items.into()))
    }
}

/// At most `MAX` raw bytes.
#[repr(transparent)]
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Bytes<const MAX: usize>(RVec<u8>);

// SAFETY: `repr(transparent)` over `RVec<u8>`.
unsafe impl<const MAX: usize> GetStaticEquivalent_ for Bytes<MAX> {
    type StaticEquivalent = <RVec<u8> as GetStaticEquivalent_>::StaticEquivalent;
}

// SAFETY: as above.
unsafe impl<const MAX: usize> StableAbi for Bytes<MAX> {
    type IsNonZeroType = <RVec<u8> as StableAbi>::IsNonZeroType;
    const LAYOUT: &'static TypeLayout = <RVec<u8> as StableAbi>::LAYOUT;
}

impl<const MAX: usize> From<Vec<u8>> for Bytes<MAX> {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl<const MAX: usize> Deref for Bytes<MAX> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl<const MAX: usize> Xdr for Bytes<MAX> {
    fn shape() -> Shape {
        field::opaque_shape(MAX)
    }
    fn encode(&self, out: &mut Writer) -> Result<()> {
        out.put_opaque(&self.0, MAX)
    }
    fn decode(input: &mut Reader<'_>) -> Result<Self> {
        field::decode_opaque(input, MAX).map(Self)
    }
}

/// A list and how many there are: the count alone when the caller asked for
/// nothing else. `C` is the integer that carries the count.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Default)]
pub struct Counted<L, C = u32> {
    /// The elements; empty when only their number was wanted.
    pub items: L,
    /// How many there are.
    pub count: C,
}

impl<T, const MAX: usize, C: TryFrom<usize>> Counted<List<T, MAX>, C> {
    /// Answers a call that may want just the number.
    pub fn answer(need_results: bool, items: Vec<T>) -> Result<Self> {
        let count = C::try_from(items.len())
            .map_err(|_| Error::new(ErrorCode::RPC, format!("too many elements: {}", items.len())))?;
        let items = if need_results { List::new(items)? } else { List(RVec::new()) };
        Ok(Self { items, count })
    }
}

impl<L: Xdr, C: Xdr> Xdr for Counted<L, C> {
    fn shape() -> Shape {
        Shape::Struct(vec![L::shape(), C::shape()])
    }
    fn encode(&self, out: &mut Writer) -> Result<()> {
        self.items.encode(out)?;
        self.count.encode(out)
    }
    fn decode(input: &mut Reader<'_>) -> Result<Self> {
        Ok(Self { items: L::decode(input)?, count: C::decode(input)? })
    }
}
