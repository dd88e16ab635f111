//! The form a value has on the wire, as data, so that it can be compared with
//! the published protocol.

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

    /// One shape for comparison: a struct of one field is that field.
    fn canonical(&self) -> Shape {
        let mut fields = self.flatten();
        match fields.len() {
            1 => fields.remove(0),
            _ => Shape::Struct(fields),
        }
    }
}
