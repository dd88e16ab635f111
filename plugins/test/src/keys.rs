//! Which keys there are in the numberings that clients may use.

use oxivirt_core::constants::KeycodeSet;
use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};

/// Refuses a number that stands for no key.
///
/// Errors: `INTERNAL_ERROR` for an unknown key, `INVALID_ARG` for an unknown numbering.
pub(crate) fn check(set: KeycodeSet, code: u32) -> Result<()> {
    let known = usize::try_from(set.0).ok().and_then(|set| SETS.get(set));
    let Some((name, ranges)) = known else {
        let text = format!("Unsupported codeset '{}'", set.0);
        return Err(Error::new(ErrorCode::INVALID_ARG, text).in_domain(ErrorDomain::DOMAIN));
    };
    if ranges.iter().any(|(first, last)| (*first..=*last).contains(&code)) {
        return Ok(());
    }
    let text = format!("invalid keycode {code} of {name} codeset");
    Err(Error::internal(text).in_domain(ErrorDomain::TEST))
}

/// From first to last, the numbers of keys.
type Ranges = &'static [(u32, u32)];

/// The numberings in the order of their own numbers.
const SETS: [(&str, Ranges); 10] = [
    (
        "linux",
        &[
            (0, 265),
            (272, 279),
            (288, 299),
            (303, 318),
            (320, 327),
            (330, 337),
            (352, 439),
            (448, 451),
            (464, 484),
            (497, 506),
            (512, 524),
        ],
    ),
    ("xt", &[(0, 95), (99, 109), (111, 112), (115, 121), (123, 123), (125, 126), (241, 242)]),
    ("atset1", &[(0, 95), (99, 109), (111, 112), (115, 121), (123, 123), (125, 126), (241, 242)]),
    (
        "atset2",
        &[
            (0, 1),
            (3, 7),
            (9, 15),
            (17, 22),
            (26, 30),
            (33, 39),
            (41, 47),
            (49, 55),
            (58, 63),
            (65, 70),
            (73, 78),
            (81, 82),
            (84, 85),
            (88, 91),
            (93, 93),
            (95, 95),
            (97, 100),
            (102, 103),
            (105, 109),
            (112, 127),
            (131, 131),
            (241, 242),
        ],
    ),
    (
        "atset3",
        &[
            (0, 0),
            (7, 63),
            (65, 71),
            (73, 79),
            (82, 82),
            (84, 103),
            (105, 118),
            (121, 122),
            (124, 131),
            (133, 135),
            (139, 142),
            (145, 145),
            (147, 152),
            (154, 163),
        ],
    ),
    ("os_x", &[(0, 51), (53, 65), (67, 67), (69, 69), (71, 76), (78, 107), (109, 111), (113, 126), (255, 255)]),
    (
        "xt_kbd",
        &[
            (0, 95),
            (99, 109),
            (111, 112),
            (115, 121),
            (123, 123),
            (125, 126),
            (241, 242),
            (257, 268),
            (270, 272),
            (274, 297),
            (299, 310),
            (312, 351),
            (355, 365),
            (367, 377),
            (379, 379),
            (381, 381),
        ],
    ),
    ("usb", &[(0, 0), (4, 48), (50, 119), (121, 125), (133, 133), (135, 140), (144, 148), (182, 183), (224, 251)]),
    (
        "win32",
        &[
            (0, 2),
            (4, 6),
            (8, 9),
            (13, 13),
            (17, 22),
            (26, 29),
            (32, 42),
            (44, 57),
            (65, 93),
            (95, 135),
            (144, 145),
            (160, 161),
            (163, 163),
            (165, 180),
            (186, 192),
            (219, 222),
            (226, 226),
            (242, 242),
            (250, 251),
        ],
    ),
    (
        "qnum",
        &[
            (0, 95),
            (99, 109),
            (111, 121),
            (123, 123),
            (125, 126),
            (129, 140),
            (142, 144),
            (146, 169),
            (171, 182),
            (184, 223),
            (227, 237),
            (239, 249),
            (251, 251),
            (253, 253),
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::check;
    use oxivirt_core::constants::KeycodeSet;

    #[test]
    fn numbers_of_no_key_are_refused() {
        for (set, code, wanted) in [
            (KeycodeSet::LINUX, 30, true),
            (KeycodeSet::LINUX, 266, false),
            (KeycodeSet::LINUX, u32::MAX, false),
            (KeycodeSet::USB, 4, true),
            (KeycodeSet::USB, 3, false),
            (KeycodeSet::QNUM, 254, false),
            (KeycodeSet(10), 1, false),
        ] {
            assert_eq!(check(set, code).is_ok(), wanted, "{set:?} {code}");
        }
    }
}
