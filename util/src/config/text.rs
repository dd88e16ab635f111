//! The grammar.

use winnow::ModalResult;
use winnow::ascii::{digit1, multispace0, space0};
use winnow::combinator::{cut_err, opt};
use winnow::error::{ErrMode, ParserError};
use winnow::prelude::*;
use winnow::token::{one_of, take_until, take_while};

use super::{Line, Value};

/// Reads a whole file; an error is a line (from 1) and what is wrong there.
pub(super) fn parse(text: &str) -> Result<Vec<Line>, (usize, &'static str)> {
    let mut rest = text;
    let mut lines = Vec::new();
    // Counted along, since counting from the top for each line is quadratic.
    let (mut counted, mut number) = (0, 1);
    loop {
        let fault = |fault: Fault| (line_at(text, text.len() - fault.left), fault.what);
        multispace0::<_, ErrMode<Fault>>.parse_next(&mut rest).map_err(|e| fault(inner(e)))?;
        if rest.is_empty() {
            return Ok(lines);
        }
        let here = text.len() - rest.len();
        number += newlines(text.get(counted..here).unwrap_or_default());
        counted = here;
        let (setting, comment) = line.parse_next(&mut rest).map_err(|e| fault(inner(e)))?;
        lines.push(Line { number, setting, comment });
    }
}

/// What is wrong, and how much text was left there.
#[derive(Debug)]
struct Fault {
    left: usize,
    what: &'static str,
}

impl<'a> ParserError<&'a str> for Fault {
    type Inner = Self;

    fn from_input(input: &&'a str) -> Self {
        Self { left: input.len(), what: "syntax error" }
    }

    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
}

fn inner(error: ErrMode<Fault>) -> Fault {
    match error {
        ErrMode::Backtrack(fault) | ErrMode::Cut(fault) => fault,
        ErrMode::Incomplete(_) => Fault { left: 0, what: "unexpected end" },
    }
}

fn refuse<T>(input: &str, what: &'static str) -> ModalResult<T, Fault> {
    Err(ErrMode::Cut(Fault { left: input.len(), what }))
}

type Parts = (Option<(String, Value)>, Option<String>);

fn line(input: &mut &str) -> ModalResult<Parts, Fault> {
    if let Some(comment) = opt(comment).parse_next(input)? {
        return Ok((None, Some(comment)));
    }
    let key = cut_err(expecting("expecting a name", name)).parse_next(input)?;
    space0.parse_next(input)?;
    cut_err(expecting("expecting an assignment", '=')).parse_next(input)?;
    space0.parse_next(input)?;
    let value = value(input, 0)?;
    space0.parse_next(input)?;
    let comment = opt(comment).parse_next(input)?;
    if !input.is_empty() && !input.starts_with(['\n', '\r']) {
        cut_err(expecting("expecting a separator", ';')).parse_next(input)?;
    }
    Ok((Some((key.to_owned(), value)), comment))
}

/// Replaces the complaint of `parser`.
fn expecting<'a, T>(
    what: &'static str,
    mut parser: impl Parser<&'a str, T, ErrMode<Fault>>,
) -> impl Parser<&'a str, T, ErrMode<Fault>> {
    move |input: &mut &'a str| {
        parser.parse_next(input).map_err(|error| error.map(|fault: Fault| Fault { what, ..fault }))
    }
}

fn comment(input: &mut &str) -> ModalResult<String, Fault> {
    ('#', take_while(0.., |c| c != '\n' && c != '\r')).map(|(_, text): (_, &str)| text.to_owned()).parse_next(input)
}

fn name<'a>(input: &mut &'a str) -> ModalResult<&'a str, Fault> {
    (one_of(|c: char| c.is_ascii_alphabetic()), take_while(0.., |c: char| c.is_ascii_alphanumeric() || c == '_'))
        .take()
        .parse_next(input)
}

fn value(input: &mut &str, depth: usize) -> ModalResult<Value, Fault> {
    match input.chars().next() {
        Some('[') if depth >= MAX_DEPTH => refuse(input, "lists are nested too deeply"),
        Some('[') => list(input, depth),
        Some('"' | '\'') => string(input).map(Value::Text),
        Some('+' | '-' | '0'..='9') => number(input),
        _ => refuse(input, "expecting a value"),
    }
}

fn list(input: &mut &str, depth: usize) -> ModalResult<Value, Fault> {
    '['.parse_next(input)?;
    let mut items = Vec::new();
    loop {
        multispace0.parse_next(input)?;
        if opt(']').parse_next(input)?.is_some() {
            return Ok(Value::List(items));
        }
        if input.is_empty() {
            return refuse(input, "list is not closed with ]");
        }
        items.push(value(input, depth + 1)?);
        multispace0.parse_next(input)?;
        if input.is_empty() {
            return refuse(input, "list is not closed with ]");
        }
        if opt(',').parse_next(input)?.is_none() && !input.starts_with(']') {
            return refuse(input, "expecting a separator in list");
        }
    }
}

fn string(input: &mut &str) -> ModalResult<String, Fault> {
    let begin = *input;
    let text: Option<&str> = if opt("\"\"\"").parse_next(input)?.is_some() {
        // A quote just before the closing three belongs to the text.
        let text: Option<&str> = opt(take_until(0.., "\"\"\"")).parse_next(input)?;
        let Some(text) = text else { return refuse(begin, "unterminated string") };
        let mut text = text.to_owned();
        "\"\"\"".parse_next(input)?;
        while opt('"').parse_next(input)?.is_some() {
            text.push('"');
        }
        return Ok(text);
    } else if opt('\'').parse_next(input)?.is_some() {
        let text = take_while(0.., |c| c != '\'' && c != '\n' && c != '\r').parse_next(input)?;
        opt('\'').parse_next(input)?.map(|_| text)
    } else {
        '"'.parse_next(input)?;
        let text = take_while(0.., |c| c != '"' && c != '\n' && c != '\r').parse_next(input)?;
        opt('"').parse_next(input)?.map(|_| text)
    };
    text.map_or_else(|| refuse(begin, "unterminated string"), |text| Ok(text.to_owned()))
}

fn number(input: &mut &str) -> ModalResult<Value, Fault> {
    let begin = *input;
    let sign = opt(one_of(['+', '-'])).parse_next(input)?;
    let digits: &str = cut_err(expecting("unterminated number", digit1)).parse_next(input)?;
    let value = if sign == Some('-') {
        // Parsed with its sign: the lowest number has no positive counterpart.
        format!("-{digits}").parse().ok().map(|number: i64| match u64::try_from(number) {
            Ok(zero) => Value::Unsigned(zero),
            Err(_) => Value::Negative(number),
        })
    } else {
        digits.parse().ok().map(Value::Unsigned)
    };
    value.map_or_else(|| refuse(begin, "numeric overflow in conf value"), Ok)
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + newlines(text.get(..offset).unwrap_or_default())
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

/// Far more than any real file, far less than the stack holds.
const MAX_DEPTH: usize = 64;
