//! Calls whose arguments have the form that the interface describes, tampered with afterwards.

use oxivirt_core::interface::all_calls;
use oxivirt_core::wire::message::Program;
use oxivirt_core::wire::shape::Shape;

use super::Sequence;
use crate::wire::{Header, Xdr, procedure};

/// The uuid of the domain that the test driver has from the start.
pub(super) const TEST_DOMAIN: [u8; 16] =
    [0x66, 0x95, 0xeb, 1, 0xf6, 0xa4, 0x83, 4, 0x79, 0xaa, 0x97, 0xf2, 0x50, 0x2e, 0x19, 0x3f];

/// Texts that mean something to the test driver; none of them is a path.
const TEXTS: &[&str] = &[
    "",
    "test",
    "default",
    "default-pool",
    "eth1",
    "computer",
    "vda",
    "x86_64",
    "schedulerType",
    "weight",
    "snap",
    "<domain type='test'><name>load</name><memory>8192</memory><os><type>hvm</type></os></domain>",
    "<domainsnapshot><name>snap</name></domainsnapshot>",
    "<network><name>load</name><bridge name='load0'/></network>",
    "<volume><name>load</name><capacity>1024</capacity></volume>",
    "<interface type='ethernet' name='eth1'/>",
    "<disk type='block'><target dev='vdb'/></disk>",
    "<a><b><c></a>",
];

/// Arguments are cut to this, so that many fit.
const LONGEST: usize = 16 << 10;

/// Makes calls of the main program with arguments of the right form.
#[derive(Debug)]
pub struct Bodies(Vec<(i32, Vec<Shape>)>);

impl Bodies {
    /// Every call but the one that ends the session.
    pub fn of_every_call() -> Bodies {
        let calls =
            all_calls().filter(|call| call.program == Program::REMOTE && call.number != procedure::CONNECT_CLOSE);
        Bodies(
            calls.map(|call| (call.number, (call.arguments)().into_iter().map(|(_, shape)| shape).collect())).collect(),
        )
    }

    /// How many calls there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A frame with a whole header and a body that is right, or wrong in one of several ways.
    pub fn tampered(&self, sequence: &mut Sequence, serial: u32) -> Vec<u8> {
        let (number, shapes) = sequence.pick(&self.0);
        let mut body = shapes.iter().fold(Xdr::default(), |body, shape| value(sequence, shape, body)).0;
        body.truncate(LONGEST);
        match sequence.below(6) {
            0 => {}
            1 => body.truncate(sequence.below(body.len() + 1)),
            2 => {
                let more = sequence.below(64);
                body.extend((0..more).map(|_| sequence.byte()));
            }
            3 => {
                // A length, a number or a flag that says something else.
                let at = sequence.below(body.len() / 4 + 1) * 4;
                let word = sequence.word();
                if let Some(place) = body.get_mut(at..at + 4) {
                    place.copy_from_slice(&word.to_be_bytes());
                }
            }
            _ => {
                for _ in 0..=sequence.below(3) {
                    let at = sequence.below(body.len().max(1));
                    if let Some(byte) = body.get_mut(at) {
                        *byte = sequence.byte();
                    }
                }
            }
        }
        Header::call(*number, serial).frame(&body)
    }
}

/// Adds a value of one form.
fn value(sequence: &mut Sequence, shape: &Shape, body: Xdr) -> Xdr {
    // Counts, ids and flags are small most of the time.
    let small = |sequence: &mut Sequence| match sequence.below(4) {
        0 => sequence.word(),
        _ => u32::try_from(sequence.below(4)).unwrap_or(0),
    };
    let several = |sequence: &mut Sequence, most: usize| sequence.below(most.min(3) + 1);
    match shape {
        Shape::Int | Shape::UnsignedInt | Shape::Char | Shape::UnsignedChar | Shape::UnsignedShort => {
            body.unsigned(small(sequence))
        }
        Shape::Hyper | Shape::UnsignedHyper | Shape::Double => {
            let high = if sequence.below(8) == 0 { sequence.word() } else { 0 };
            body.unsigned(high).unsigned(small(sequence))
        }
        Shape::String { max } => {
            let text = *sequence.pick(TEXTS);
            body.string(if text.len() <= *max { text } else { "" })
        }
        Shape::Opaque { max } => {
            let count = sequence.below((*max).min(32) + 1);
            let bytes: Vec<u8> = (0..count.next_multiple_of(4)).map(|_| sequence.byte()).collect();
            body.unsigned(u32::try_from(count).unwrap_or(0)).bytes(&bytes)
        }
        Shape::FixedOpaque(16) => body.bytes(&TEST_DOMAIN),
        Shape::FixedOpaque(count) => body.bytes(&vec![0; count.next_multiple_of(4)]),
        Shape::Array { of, max } => {
            let count = several(sequence, *max);
            let body = body.unsigned(u32::try_from(count).unwrap_or(0));
            (0..count).fold(body, |body, _| value(sequence, of, body))
        }
        Shape::Vector { of, len } => (0..*len).fold(body, |body, _| value(sequence, of, body)),
        Shape::Optional(of) => match sequence.below(2) {
            0 => body.unsigned(0),
            _ => value(sequence, of, body.unsigned(1)),
        },
        Shape::Struct(fields) => fields.iter().fold(body, |body, field| value(sequence, field, body)),
        Shape::Union(arms) => match arms.is_empty() {
            true => body.unsigned(0),
            false => {
                let (tag, of) = sequence.pick(arms);
                value(sequence, of, body.unsigned(tag.cast_unsigned()))
            }
        },
    }
}
