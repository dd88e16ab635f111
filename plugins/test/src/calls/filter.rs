//! The flags of listings: those of one group are alternatives, groups combine.

/// A group of two flags, and the one that fits an object.
pub(super) fn of_two(fits: bool, yes: u32, no: u32) -> (u32, u32) {
    (yes | no, if fits { yes } else { no })
}

/// Whether an object passes: of each group that `flags` touch, one that is the
/// object's own is wanted.
///
/// * `groups` – all flags of a group, and those that fit the object.
pub(super) fn passes(flags: u32, groups: &[(u32, u32)]) -> bool {
    groups.iter().all(|(group, own)| flags & group == 0 || flags & own != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_combine() {
        let groups = [of_two(true, 1, 2), (0b1100, 0b0100)];
        for (flags, wanted) in
            [(0, true), (1, true), (2, false), (3, true), (4, true), (8, false), (5, true), (9, false)]
        {
            assert_eq!(passes(flags, &groups), wanted, "{flags}");
        }
    }
}
