//! `$NAME`, `$NAME[2]`, `$NAME[@1]`: a value that each guest's card brings.

use std::fmt;

/// The highest number of an iterator.
pub const MAX_ITERATOR: u32 = 1000;

/// A place in a rule that is filled from the parameters of a filter reference.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Variable {
    /// Letters, digits and underscores.
    pub name: String,
    /// Which of the parameter's values.
    pub access: VariableAccess,
}

/// Which values of a parameter with several a variable stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum VariableAccess {
    /// All in turn: one rule for each. Variables with equal numbers advance
    /// together, those with different ones are combined. 0 is not printed.
    Iterator(u32),
    /// The value at this place, counted from 0.
    Index(u32),
}

impl Variable {
    /// Reads a reference with its `$`; what stands behind `]` is ignored.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix('$')?;
        let end = rest.find(|c| !is_name_char(c)).unwrap_or(rest.len());
        let (name, rest) = rest.split_at_checked(end)?;
        let access = match rest {
            "" => VariableAccess::Iterator(0),
            _ => parse_access(rest.strip_prefix('[')?)?,
        };
        Some(Self { name: name.to_owned(), access })
    }

    /// Whether this is the name of a variable or a parameter.
    pub fn is_name(name: &str) -> bool {
        !name.is_empty() && name.chars().all(is_name_char)
    }
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn parse_access(text: &str) -> Option<VariableAccess> {
    let text = text.trim_ascii_start();
    let (iterator, text) = match text.strip_prefix('@') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (inside, _) = text.split_once(']')?;
    let number = super::value::parse_decimal(inside.trim_ascii())?;
    match iterator {
        true => (number <= MAX_ITERATOR).then_some(VariableAccess::Iterator(number)),
        false => Some(VariableAccess::Index(number)),
    }
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.access {
            VariableAccess::Iterator(0) => write!(f, "${}", self.name),
            VariableAccess::Iterator(number) => write!(f, "${}[@{number}]", self.name),
            VariableAccess::Index(index) => write!(f, "${}[{index}]", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_print_without_blanks() {
        for (text, wanted) in [
            ("$MAC", "$MAC"),
            ("$A[ 0]", "$A[0]"),
            ("$A[1 ]", "$A[1]"),
            ("$B[  @0 ] ", "$B"),
            ("$B[ @ 2 ]", "$B[@2]"),
            ("$A[@1000]", "$A[@1000]"),
            ("$A[4294967295]", "$A[4294967295]"),
            ("$_1", "$_1"),
        ] {
            assert_eq!(Variable::parse(text).map(|v| v.to_string()).as_deref(), Some(wanted));
        }
    }

    #[test]
    fn others_are_none() {
        for text in [
            "",
            "A",
            "$ A",
            "$A ",
            "$A-B",
            "$A[",
            "$A[]",
            "$A[@]",
            "$A[1",
            "$A]",
            "$A[x]",
            "$A[@1001]",
            "$A[4294967296]",
        ] {
            assert_eq!(Variable::parse(text), None, "{text}");
        }
        assert!(Variable::is_name("A_1") && !Variable::is_name("") && !Variable::is_name("A b"));
    }
}
