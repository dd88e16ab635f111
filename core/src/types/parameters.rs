//! Lists of named values: what a call accepts, and how it answers.

use super::{Counted, List, TypedParam, TypedValue};
use crate::{Error, ErrorCode, Result};

/// The flag with which a client says that it reads values that are text
/// (`VIR_TYPED_PARAM_STRING_OKAY`). Client libraries add it by themselves.
pub const STRING_OKAY: u32 = 4;

/// What kind of value a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypedKind {
    /// `int`
    Int,
    /// `uint`
    UnsignedInt,
    /// `llong`
    LongLong,
    /// `ullong`
    UnsignedLongLong,
    /// `double`
    Double,
    /// `boolean`
    Boolean,
    /// `string`
    String,
}

impl TypedKind {
    /// What users call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::UnsignedInt => "uint",
            Self::LongLong => "llong",
            Self::UnsignedLongLong => "ullong",
            Self::Double => "double",
            Self::Boolean => "boolean",
            Self::String => "string",
        }
    }
}

impl TypedValue<'_> {
    /// Its kind.
    pub const fn kind(&self) -> TypedKind {
        match self {
            Self::Int(_) => TypedKind::Int,
            Self::UnsignedInt(_) => TypedKind::UnsignedInt,
            Self::LongLong(_) => TypedKind::LongLong,
            Self::UnsignedLongLong(_) => TypedKind::UnsignedLongLong,
            Self::Double(_) => TypedKind::Double,
            Self::Boolean(_) => TypedKind::Boolean,
            Self::String(_) => TypedKind::String,
        }
    }
}

/// Refuses a list with a name that `known` does not have, with a value of
/// another kind, or with a name that stands in it twice.
///
/// Errors: `ARGUMENT_UNSUPPORTED` an unknown name, `INVALID_ARG` the others.
pub fn check_params(params: &[TypedParam], known: &[(&str, TypedKind)]) -> Result<()> {
    let mut sorted: Vec<&TypedParam> = params.iter().collect();
    // Of several mistakes that of the first name is told.
    sorted.sort_by_key(|param| param.field());
    let mut last = None;
    for param in sorted {
        let name = param.field();
        let Some((_, wanted)) = known.iter().find(|(known, _)| *known == name) else {
            let text = format!("parameter '{name}' not supported");
            return Err(Error::new(ErrorCode::ARGUMENT_UNSUPPORTED, text));
        };
        let kind = param.value().kind();
        if kind != *wanted {
            let (kind, wanted) = (kind.name(), wanted.name());
            let text = format!("invalid type '{kind}' for parameter '{name}', expected '{wanted}'");
            return Err(Error::invalid_arg(text));
        }
        if last.replace(name) == Some(name) {
            return Err(Error::invalid_arg(format!("parameter '{name}' occurs multiple times")));
        }
    }
    Ok(())
}

/// Answers a call that returns as many values as the client has room for.
///
/// * `nparams` – the room; 0 asks for the number of values only.
/// * `flags` – of the call: without [`STRING_OKAY`] values that are text are left out.
/// * Errors: `INVALID_ARG` less than no room.
pub fn answer_params<const MAX: usize>(
    mut params: Vec<TypedParam>,
    nparams: i32,
    flags: u32,
) -> Result<Counted<List<TypedParam, MAX>, i32>> {
    let room = usize::try_from(nparams)
        .map_err(|_| Error::invalid_arg(format!("there is no room for {nparams} parameters")))?;
    if room == 0 {
        return Counted::answer(false, params);
    }
    params.truncate(room);
    if flags & STRING_OKAY == 0 {
        params.retain(|param| param.value().kind() != TypedKind::String);
    }
    Counted::answer(true, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[(&str, TypedKind)] = &[("limit", TypedKind::UnsignedLongLong), ("name", TypedKind::String)];

    fn limit() -> TypedParam {
        TypedParam::new("limit", TypedValue::UnsignedLongLong(5))
    }

    #[test]
    fn only_known_names_of_the_right_kind_pass_once() {
        assert!(check_params(&[limit()], KNOWN).is_ok());
        let refused = |params: &[TypedParam]| check_params(params, KNOWN).map_err(|e| e.message().to_owned());
        for (params, text) in [
            (vec![TypedParam::new("x", TypedValue::Int(1))], "argument unsupported: parameter 'x' not supported"),
            (
                vec![TypedParam::new("limit", TypedValue::Int(1))],
                "invalid argument: invalid type 'int' for parameter 'limit', expected 'ullong'",
            ),
            (vec![limit(), limit()], "invalid argument: parameter 'limit' occurs multiple times"),
        ] {
            assert_eq!(refused(&params), Err(text.to_owned()));
        }
    }

    #[test]
    fn answers_fit_the_room() {
        let all = || vec![limit(), TypedParam::new("name", TypedValue::String("a"))];
        let answer = |room, flags| answer_params::<8>(all(), room, flags).map(|a| (a.items.len(), a.count)).ok();
        assert_eq!(answer(0, 0), Some((0, 2)));
        assert_eq!(answer(1, STRING_OKAY), Some((1, 1)));
        assert_eq!(answer(9, STRING_OKAY), Some((2, 2)));
        assert_eq!(answer(9, 0), Some((1, 1)));
        assert_eq!(answer(-1, 0), None);
    }
}
