//! The form a value has on the wire, as data, so that it can be compared with
//! the published protocol.

use super::xdr::Reader;
use crate::{Error, ErrorCode, Result};

/// One XDR type (RFC 4506), structurally: names of structs do not matter, the
/// order of their fields does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Signed 32 bits; also booleans and open enumerations.
    Int,
    /// Unsigned 32 bits.
    UnsignedInt,
    /// Signed 64 bits.
    Hyper,
    /// Unsigned 64 bits.
    UnsignedHyper,
    /// One signed byte, carried in 32 bits.
    Char,
    /// One byte, carried in 32 bits.
    UnsignedChar,
    /// 16 bits, carried in 32 bits.
    UnsignedShort,
    /// 64-bit floating point number.
    Double,
    /// Text of at most `max` bytes.
    String {
        /// Greatest length in bytes.
        max: usize,
    },
    /// At most `max` bytes.
    Opaque {
        /// Greatest length in bytes.
        max: usize,
    },
    /// Exactly this many bytes.
    FixedOpaque(usize),
    /// At most `max` elements.
    Array {
        /// The element.
        of: Box<Shape>,
        /// Greatest number of elements.
        max: usize,
    },
    /// Exactly `len` elements.
    Vector {
        /// The element.
        of: Box<Shape>,
        /// Number of elements.
        len: usize,
    },
    /// A value that may be absent.
    Optional(Box<Shape>),
    /// Fields in order.
    Struct(Vec<Shape>),
    /// An integer that selects one of several values.
    Union(Vec<(i32, Shape)>),
}

impl Shape {
    /// The fields in order, structs inside structs opened up; two shapes that
    /// flatten to the same list have the same bytes.
    pub fn flatten(&self) -> Vec<Shape> {
        let boxed = |shape: &Shape| Box::new(shape.canonical());
        match self {
            Shape::Struct(fields) => fields.iter().flat_map(Shape::flatten).collect(),
            Shape::Array { of, max } => vec![Shape::Array { of: boxed(of), max: *max }],
            Shape::Vector { of, len } => vec![Shape::Vector { of: boxed(of), len: *len }],
            Shape::Optional(of) => vec![Shape::Optional(boxed(of))],
            Shape::Union(arms) => {
                vec![Shape::Union(arms.iter().map(|(tag, shape)| (*tag, shape.canonical())).collect())]
            }
            other => vec![other.clone()],
        }
    }

    /// Passes over one value, so that what stands behind it can be read.
    ///
    /// Errors: `RPC` when the input ends early or breaks a limit.
    pub fn skip(&self, input: &mut Reader<'_>) -> Result<()> {
        match self {
            Shape::Int | Shape::UnsignedInt | Shape::Char | Shape::UnsignedChar | Shape::UnsignedShort => {
                input.get_u32().map(drop)
            }
            Shape::Hyper | Shape::UnsignedHyper | Shape::Double => input.get_u64().map(drop),
            Shape::String { max } | Shape::Opaque { max } => input.get_opaque(*max).map(drop),
            Shape::FixedOpaque(len) => input.get_padded(*len).map(drop),
            Shape::Array { of, max } => {
                let len = input.get_len(*max, "elements")?;
                (0..len).try_for_each(|_| of.skip(input))
            }
            Shape::Vector { of, len } => (0..*len).try_for_each(|_| of.skip(input)),
            Shape::Optional(of) => match input.get_u32()? {
                0 => Ok(()),
                1 => of.skip(input),
                other => Err(bad(format!("presence flag is {other}, not 0 or 1"))),
            },
            Shape::Struct(fields) => fields.iter().try_for_each(|field| field.skip(input)),
            Shape::Union(arms) => {
                let tag = input.get_u32()? as i32;
                match arms.iter().find(|(known, _)| *known == tag) {
                    Some((_, of)) => of.skip(input),
                    None => Err(bad(format!("no value is known by the number {tag}"))),
                }
            }
        }
    }

    /// One shape for comparison: a struct of one field is that field.
    fn canonical(&self) -> Shape {
        let mut fields = self.flatten();
        match fields.len() {
            1 => fields.remove(0),
            _ => Shape::Struct(fields),
        }
    }
}

fn bad(detail: String) -> Error {
    Error::new(ErrorCode::RPC, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Domain, DomainSnapshot, TypedParam, TypedValue, Uuid};
    use crate::wire::xdr::{Writer, Xdr};

    #[test]
    fn skipping_ends_where_the_next_value_begins() {
        let dom = Domain::new("web", Uuid([7; 16]), 3);
        let snapshot = DomainSnapshot { name: "before".into(), dom: dom.clone() };
        let params = vec![
            TypedParam::new("a", TypedValue::String("text")),
            TypedParam::new("b", TypedValue::Double(1.5)),
            TypedParam::new("c", TypedValue::Boolean(true)),
        ];
        let mut out = Writer::new();
        let shapes = [
            Domain::shape(),
            DomainSnapshot::shape(),
            Shape::Array { of: Box::new(TypedParam::shape()), max: 3 },
            Option::<String>::shape(),
            Option::<String>::shape(),
        ];
        dom.encode(&mut out).expect("short");
        snapshot.encode(&mut out).expect("short");
        crate::wire::xdr::encode_array(&params, 3, &mut out).expect("short");
        Some("x".to_owned()).encode(&mut out).expect("short");
        None::<String>.encode(&mut out).expect("short");
        out.put_u32(42);
        let bytes = out.into_bytes();
        let mut input = Reader::new(&bytes);
        for shape in &shapes {
            shape.skip(&mut input).expect("well formed");
        }
        assert_eq!(input.rest(), [0, 0, 0, 42]);
        for end in 0..bytes.len() - 4 {
            let mut input = Reader::new(&bytes[..end]);
            assert!(shapes.iter().try_for_each(|shape| shape.skip(&mut input)).is_err(), "{end}");
        }
    }
}
