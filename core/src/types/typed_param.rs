//! Named values of seven kinds, the extensible argument of many calls.

use abi_stable::StableAbi;
use abi_stable::std_types::{ROption, RString};

use crate::wire::shape::Shape;
use crate::wire::xdr::{Reader, Writer, Xdr};
use crate::{Error, ErrorCode, Result};

/// A named value.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq)]
pub struct TypedParam {
    field: RString,
    kind: i32,
    bits: u64,
    text: ROption<RString>,
}

/// The value of a [`TypedParam`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TypedValue<'a> {
    /// Kind 1.
    Int(i32),
    /// Kind 2.
    UnsignedInt(u32),
    /// Kind 3.
    LongLong(i64),
    /// Kind 4.
    UnsignedLongLong(u64),
    /// Kind 5.
    Double(f64),
    /// Kind 6.
    Boolean(bool),
    /// Kind 7.
    String(&'a str),
}

impl TypedParam {
    /// Names a value.
    pub fn new(field: impl Into<RString>, value: TypedValue<'_>) -> Self {
        let (kind, bits, text) = match value {
            TypedValue::Int(value) => (1, value as u32 as u64, None),
            TypedValue::UnsignedInt(value) => (2, value as u64, None),
            TypedValue::LongLong(value) => (3, value as u64, None),
            TypedValue::UnsignedLongLong(value) => (4, value, None),
            TypedValue::Double(value) => (5, value.to_bits(), None),
            TypedValue::Boolean(value) => (6, value as u64, None),
            TypedValue::String(value) => (7, 0, Some(RString::from(value))),
        };
        Self { field: field.into(), kind, bits, text: text.into() }
    }

    /// Its name.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// Its value.
    pub fn value(&self) -> TypedValue<'_> {
        match self.kind {
            1 => TypedValue::Int(self.bits as u32 as i32),
            2 => TypedValue::UnsignedInt(self.bits as u32),
            3 => TypedValue::LongLong(self.bits as i64),
            4 => TypedValue::UnsignedLongLong(self.bits),
            5 => TypedValue::Double(f64::from_bits(self.bits)),
            6 => TypedValue::Boolean(self.bits != 0),
            _ => TypedValue::String(self.text.as_ref().map_or("", |text| text.as_str())),
        }
    }
}

impl Xdr for TypedParam {
    fn shape() -> Shape {
        Shape::Struct(vec![
            Shape::String { max: crate::wire::xdr::STRING_MAX },
            Shape::Union(vec![
                (1, Shape::Int),
                (2, Shape::UnsignedInt),
                (3, Shape::Hyper),
                (4, Shape::UnsignedHyper),
                (5, Shape::Double),
                (6, Shape::Int),
                (7, String::shape()),
            ]),
        ])
    }
    fn encode(&self, out: &mut Writer) -> Result<()> {
        self.field.encode(out)?;
        self.kind.encode(out)?;
        match self.value() {
            TypedValue::Int(value) => value.encode(out),
            TypedValue::UnsignedInt(value) => value.encode(out),
            TypedValue::LongLong(value) => value.encode(out),
            TypedValue::UnsignedLongLong(value) => value.encode(out),
            TypedValue::Double(value) => value.encode(out),
            TypedValue::Boolean(value) => value.encode(out),
            TypedValue::String(value) => crate::wire::xdr::encode_str(value, out),
        }
    }
    fn decode(input: &mut Reader<'_>) -> Result<Self> {
        let field = RString::decode(input)?;
        let text;
        let value = match i32::decode(input)? {
            1 => TypedValue::Int(i32::decode(input)?),
            2 => TypedValue::UnsignedInt(u32::decode(input)?),
            3 => TypedValue::LongLong(i64::decode(input)?),
            4 => TypedValue::UnsignedLongLong(u64::decode(input)?),
            5 => TypedValue::Double(f64::decode(input)?),
            6 => TypedValue::Boolean(bool::decode(input)?),
            7 => {
                text = String::decode(input)?;
                TypedValue::String(&text)
            }
            other => {
                return Err(Error::new(ErrorCode::RPC, format!("parameter '{field}' has unknown type {other}")));
            }
        };
        Ok(Self::new(field, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_survives_the_wire() {
        for value in [
            TypedValue::Int(-1),
            TypedValue::UnsignedInt(u32::MAX),
            TypedValue::LongLong(i64::MIN),
            TypedValue::UnsignedLongLong(u64::MAX),
            TypedValue::Double(0.5),
            TypedValue::Boolean(true),
            TypedValue::String("x"),
        ] {
            let param = TypedParam::new("f", value);
            assert_eq!(param.value(), value);
            let mut out = Writer::new();
            param.encode(&mut out).expect("encodes");
            let bytes = out.into_bytes();
            assert_eq!(TypedParam::decode(&mut Reader::new(&bytes)).expect("decodes"), param);
        }
    }
}
