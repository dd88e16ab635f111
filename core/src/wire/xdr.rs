//! XDR (RFC 4506): bounded readers and writers for every type of the protocol.
//!
//! Nothing is allocated for a length that the input cannot hold, and every
//! length is checked against its limit before a single element is read.

use abi_stable::std_types::{ROption, RString, RVec};

use super::shape::Shape;
use crate::{Error, ErrorCode, Result};

/// Greatest length of any string on the wire, in bytes.
pub const STRING_MAX: usize = 4_194_304;

/// A value with a wire form.
pub trait Xdr: Sized {
    /// The form, as data.
    fn shape() -> Shape;

    /// Appends the value. Fails when it is larger than the protocol allows.
    fn encode(&self, out: &mut Writer) -> Result<()>;

    /// Takes the value from the front of `input`.
    fn decode(input: &mut Reader<'_>) -> Result<Self>;
}

fn bad(detail: impl Into<String>) -> Error {
    Error::new(ErrorCode::RPC, detail)
}

/// Bytes being written.
#[derive(Default, Debug)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// An empty writer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on after what is already in `bytes`.
    pub fn append_to(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Number of bytes so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Forgets everything after the first `len` bytes.
    pub fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
    }

    /// Four bytes, most significant first.
    pub fn put_u32(&mut self, value: u32) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    /// Eight bytes, most significant first.
    pub fn put_u64(&mut self, value: u64) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    /// Raw bytes, padded with zeros to a multiple of four.
    pub fn put_padded(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        let padding = bytes.len().next_multiple_of(4) - bytes.len();
        self.bytes.extend_from_slice(&[0; 3][..padding]);
    }

    /// Raw bytes as they are.
    pub fn put_raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// A length that must not be above `max`.
    pub fn put_len(&mut self, len: usize, max: usize, what: &str) -> Result<()> {
        match u32::try_from(len) {
            Ok(short) if len <= max => {
                self.put_u32(short);
                Ok(())
            }
            _ => Err(bad(format!("too many {what}: {len} for limit {max}"))),
        }
    }

    /// Length, then bytes.
    pub fn put_opaque(&mut self, bytes: &[u8], max: usize) -> Result<()> {
        self.put_len(bytes.len(), max, "bytes")?;
        self.put_padded(bytes);
        Ok(())
    }
}

/// Bytes being read.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads from the front of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What was not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        match self.rest.split_at_checked(count) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(bad(format!("message ends early: {count} more bytes wanted, {} left", self.rest.len()))),
        }
    }

    /// Four bytes, most significant first.
    pub fn get_u32(&mut self) -> Result<u32> {
        let mut raw = [0; 4];
        raw.copy_from_slice(self.take(4)?);
        Ok(u32::from_be_bytes(raw))
    }

    /// Eight bytes, most significant first.
    pub fn get_u64(&mut self) -> Result<u64> {
        let mut raw = [0; 8];
        raw.copy_from_slice(self.take(8)?);
        Ok(u64::from_be_bytes(raw))
    }

    /// `count` bytes and the zeros that pad them; the zeros are checked.
    pub fn get_padded(&mut self, count: usize) -> Result<&'a [u8]> {
        let bytes = self.take(count)?;
        let padding = self.take(count.next_multiple_of(4) - count)?;
        match padding.iter().all(|byte| *byte == 0) {
            true => Ok(bytes),
            false => Err(bad("padding is not zero")),
        }
    }

    /// A length of at most `max`.
    pub fn get_len(&mut self, max: usize, what: &str) -> Result<usize> {
        let len = self.get_u32()? as usize;
        match len <= max {
            true => Ok(len),
            false => Err(bad(format!("too many {what}: {len} for limit {max}"))),
        }
    }

    /// Length, then bytes.
    pub fn get_opaque(&mut self, max: usize) -> Result<&'a [u8]> {
        let len = self.get_len(max, "bytes")?;
        self.get_padded(len)
    }
}

/// Writes an array of at most `max` elements.
pub fn encode_array<T: Xdr>(items: &[T], max: usize, out: &mut Writer) -> Result<()> {
    out.put_len(items.len(), max, "elements")?;
    items.iter().try_for_each(|item| item.encode(out))
}

/// Reads an array of at most `max` elements.
pub fn decode_array<T: Xdr>(input: &mut Reader<'_>, max: usize) -> Result<Vec<T>> {
    let len = input.get_len(max, "elements")?;
    // Every element takes four bytes at least: a length that cannot be true
    // must not reserve memory.
    let mut items = Vec::with_capacity(len.min(input.rest().len() / 4));
    for _ in 0..len {
        items.push(T::decode(input)?);
    }
    Ok(items)
}

macro_rules! integers {
    ($( $type:ty, $shape:ident, $put:ident($wide:ty), $get:ident, $what:literal; )*) => { $(
        impl Xdr for $type {
            fn shape() -> Shape {
                Shape::$shape
            }
            fn encode(&self, out: &mut Writer) -> Result<()> {
                out.$put(*self as $wide);
                Ok(())
            }
            fn decode(input: &mut Reader<'_>) -> Result<Self> {
                let raw = input.$get()?;
                let value = raw as $type;
                match value as $wide == raw {
                    true => Ok(value),
                    false => Err(bad(concat!("value does not fit in ", $what))),
                }
            }
        }
    )* };
}

integers! {
    i32, Int, put_u32(u32), get_u32, "an int";
    u32, UnsignedInt, put_u32(u32), get_u32, "an unsigned int";
    i64, Hyper, put_u64(u64), get_u64, "a hyper";
    u64, UnsignedHyper, put_u64(u64), get_u64, "an unsigned hyper";
    i8, Char, put_u32(u32), get_u32, "a char";
    u8, UnsignedChar, put_u32(u32), get_u32, "an unsigned char";
    u16, UnsignedShort, put_u32(u32), get_u32, "an unsigned short";
}

impl Xdr for bool {
    fn shape() -> Shape {
        Shape::Int
    }
    fn encode(&self, out: &mut Writer) -> Result<()> {
        out.put_u32(u32::from(*self));
        Ok(())
    }
    /// Any number but 0 is true, as C has it.
    fn decode(input: &mut Reader<'_>) -> Result<Self> {
        Ok(input.get_u32()? != 0)
    }
}

impl Xdr for f64 {
    fn shape() -> Shape {
        Shape::Double
    }
    fn encode(&self, out: &mut Writer) -> Result<()> {
        out.put_u64(self.to_bits());
        Ok(())
    }
    fn decode(input: &mut Reader<'_>) -> Result<Self> {
        Ok(f64::from_bits(input.get_u64()?))
    }
}

impl Xdr for () {
    fn shape() -> Shape {
        Shape::Struct(Vec::new())
    }
    fn encode(&self, _out: &mut Writer) -> Result<()> {
        Ok(())
    }
    fn decode(_input: &mut Reader<'_>) -> Result<Self> {
        Ok(())
    }
}

/// Writes text.
pub fn encode_str(text: &str, out: &mut Writer) -> Result<()> {
    out.put_opaque(text.as_bytes(), STRING_MAX)
}

impl Xdr for String {
    fn shape() -> Shape {
        Shape::String { max: STRING_MAX }
    }
    fn encode(&self, out: &mut Writer) -> Result<()> {
        encode_str(self, out)
    }
    /// C clients end their strings at the first NUL, so one inside is refused
    /// rather than passed on to where it would cut a name short.
    fn decode(input: &mut Reader<'_>) -> Result<Self> {
        let bytes = input.get_opaque(STRING_MAX)?;
        match std::str::from_utf8(bytes) {
            Ok(text) if !bytes.contains(&0) => Ok(text.to_owned()),
            _ => Err(bad("string is not UTF-8 or holds a NUL")),
        }
    }
}

impl Xdr for RString {
    fn shape() -> Shape {
        String::shape()
    }
    fn encode(&self, out: &mut Writer) -> Result<()> {
        encode_str(self, out)
    }
    fn decode(input: &mut Reader<'_>) -> Result<Self> {
        String::decode(input).map(RString::from)
    }
}

impl<T: Xdr> Xdr for Option<T> {
    fn shape() -> Shape {
        Shape::Optional(Box::new(T::shape()))
    }
    fn encode(&self, out: &mut Writer) -> Result<()> {
        match self {
            Some(value) => {
                out.put_u32(1);
                value.encode(out)
            }
            None => {
                out.put_u32(0);
                Ok(())
            }
        }
    }
    fn decode(input: &mut Reader<'_>) -> Result<Self> {
        match input.get_u32()? {
            0 => Ok(None),
            1 => T::decode(input).map(Some),
            other => Err(bad(format!("presence flag is {other}, not 0 or 1"))),
        }
    }
}

impl<T: Xdr + Clone> Xdr for ROption<T> {
    fn shape() -> Shape {
        Option::<T>::shape()
    }
    fn encode(&self, out: &mut Writer) -> Result<()> {
        match self {
            ROption::RSome(value) => {
                out.put_u32(1);
                value.encode(out)
            }
            ROption::RNone => None::<T>.encode(out),
        }
    }
    fn decode(input: &mut Reader<'_>) -> Result<Self> {
        Option::<T>::decode(input).map(ROption::from)
    }
}

/// Field forms that a struct's fields name in `#[xdr(..)]`.
pub mod field {
    use super::*;

    /// Shape of an opaque field.
    pub fn opaque_shape(max: usize) -> Shape {
        Shape::Opaque { max }
    }

    /// Reads an opaque field.
    pub fn decode_opaque(input: &mut Reader<'_>, max: usize) -> Result<RVec<u8>> {
        input.get_opaque(max).map(RVec::from)
    }

    /// Shape of an array field.
    pub fn array_shape<T: Xdr>(max: usize) -> Shape {
        Shape::Array { of: Box::new(T::shape()), max }
    }

    /// Text as exactly `len` chars of four bytes each, the rest NUL.
    pub fn encode_fixed_chars(text: &str, len: usize, out: &mut Writer) -> Result<()> {
        if text.len() >= len {
            return Err(bad(format!("text of {} bytes for a field of {len}", text.len())));
        }
        let padded = text.bytes().chain(std::iter::repeat(0)).take(len);
        padded.for_each(|byte| out.put_u32(byte as i8 as u32));
        Ok(())
    }

    /// Reads what [`encode_fixed_chars`] writes.
    pub fn decode_fixed_chars(input: &mut Reader<'_>, len: usize) -> Result<RString> {
        let bytes = (0..len).map(|_| i8::decode(input).map(|c| c as u8)).collect::<Result<Vec<u8>>>()?;
        chars_to_text(&bytes)
    }

    /// Text as at most `max` chars of four bytes each, the closing NUL included.
    pub fn encode_chars(text: &str, max: usize, out: &mut Writer) -> Result<()> {
        out.put_len(text.len() + 1, max, "chars")?;
        text.bytes().chain([0]).for_each(|byte| out.put_u32(byte as i8 as u32));
        Ok(())
    }

    /// Reads what [`encode_chars`] writes.
    pub fn decode_chars(input: &mut Reader<'_>, max: usize) -> Result<RString> {
        let bytes: Vec<u8> = decode_array::<i8>(input, max)?.into_iter().map(|c| c as u8).collect();
        chars_to_text(&bytes)
    }

    fn chars_to_text(bytes: &[u8]) -> Result<RString> {
        let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        match std::str::from_utf8(text) {
            Ok(text) => Ok(text.into()),
            Err(_) => Err(bad("string is not UTF-8")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round_trip<T: Xdr + PartialEq + std::fmt::Debug>(value: T) {
        let mut out = Writer::new();
        value.encode(&mut out).expect("encodes");
        let bytes = out.into_bytes();
        assert_eq!(bytes.len() % 4, 0);
        let mut input = Reader::new(&bytes);
        assert_eq!(T::decode(&mut input).expect("decodes"), value);
        assert!(input.rest().is_empty());
    }

    #[test]
    fn values_survive() {
        round_trip(-5i32);
        round_trip(u64::MAX);
        round_trip(-3i8);
        round_trip(65_535u16);
        round_trip(1.5f64);
        round_trip("é".to_owned());
        round_trip(Some("x".to_owned()));
        round_trip(None::<String>);
    }

    #[test]
    fn a_huge_length_reserves_nothing_and_is_refused() {
        let bytes = [0x00, 0x00, 0x40, 0x00, 0, 0, 0, 1];
        assert!(decode_array::<u64>(&mut Reader::new(&bytes), 16_384).is_err());
        assert!(decode_array::<u64>(&mut Reader::new(&bytes), 16).is_err());
        assert!(String::decode(&mut Reader::new(&[0xff; 8])).is_err());
    }

    #[test]
    fn padding_and_presence_flags_are_checked() {
        assert!(String::decode(&mut Reader::new(&[0, 0, 0, 1, b'a', 0, 0, 1])).is_err());
        assert!(Option::<i32>::decode(&mut Reader::new(&[0, 0, 0, 2, 0, 0, 0, 0])).is_err());
        assert!(u8::decode(&mut Reader::new(&[0, 0, 1, 0])).is_err());
    }

    #[test]
    fn texts_in_char_arrays() {
        let mut out = Writer::new();
        field::encode_fixed_chars("x86_64", 32, &mut out).expect("fits");
        assert_eq!(out.len(), 128);
        let bytes = out.into_bytes();
        assert_eq!(field::decode_fixed_chars(&mut Reader::new(&bytes), 32).expect("decodes"), "x86_64");
        assert!(field::encode_fixed_chars(&"x".repeat(32), 32, &mut Writer::new()).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_fail(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Option::<String>::decode(&mut Reader::new(&bytes));
            let _ = decode_array::<String>(&mut Reader::new(&bytes), 1_000);
            let _ = field::decode_chars(&mut Reader::new(&bytes), 64);
        }
    }
}
