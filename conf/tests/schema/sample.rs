//! Documents made from a grammar, so that every branch of it stands in one.

use std::collections::HashSet;

use super::grammar::{Grammar, Pattern};

/// A piece of a document.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Item {
    Attr(String, String),
    Text(String),
    Element(String, Vec<Item>),
}

/// The elements that may stand directly inside of a pattern, refs followed.
pub(crate) fn elements<'g>(grammar: &'g Grammar, pattern: &'g Pattern) -> Vec<&'g Pattern> {
    match pattern {
        Pattern::Element(..) => vec![pattern],
        Pattern::Choice(all) | Pattern::Group(all) => all.iter().flat_map(|p| elements(grammar, p)).collect(),
        Pattern::Optional(inner) | Pattern::Many(inner) => elements(grammar, inner),
        Pattern::Ref(name) => elements(grammar, grammar.define(name)),
        _ => Vec::new(),
    }
}

/// What a pattern may look like: each of its branches is in at least one.
///
/// Things side by side vary together, not each with each.
pub(crate) fn variants(grammar: &Grammar, pattern: &Pattern) -> Vec<Vec<Item>> {
    let mut found = expand(grammar, pattern, &mut Vec::new());
    let mut seen = HashSet::new();
    found.retain(|v| seen.insert(v.clone()));
    found
}

fn expand(grammar: &Grammar, pattern: &Pattern, open: &mut Vec<String>) -> Vec<Vec<Item>> {
    match pattern {
        Pattern::Element(name, inside) => {
            let all = expand(grammar, inside, open).into_iter();
            all.map(|content| vec![Item::Element(name.clone(), content)]).collect()
        }
        Pattern::Attribute(name, inside) => {
            let text = |content: Vec<Item>| match content.into_iter().next() {
                Some(Item::Text(text)) => text,
                _ => String::new(),
            };
            let all = expand(grammar, inside, open).into_iter();
            all.map(|content| vec![Item::Attr(name.clone(), text(content))]).collect()
        }
        Pattern::Value(text) => vec![vec![Item::Text(text.clone())]],
        Pattern::Data(kind, params) => vec![vec![Item::Text(data(kind, params))]],
        Pattern::Text => vec![vec![Item::Text("word".to_owned())]],
        Pattern::Choice(all) => all.iter().flat_map(|p| expand(grammar, p, open)).collect(),
        Pattern::Group(all) => {
            let all: Vec<_> = all.iter().map(|p| expand(grammar, p, open)).collect();
            let most = all.iter().map(Vec::len).max().unwrap_or(1);
            if all.iter().any(Vec::is_empty) {
                return Vec::new();
            }
            let one = |at: usize| all.iter().flat_map(|v| v[at % v.len()].clone()).collect();
            (0..most).map(one).collect()
        }
        Pattern::Optional(inner) | Pattern::Many(inner) => {
            let mut all = expand(grammar, inner, open);
            all.push(Vec::new());
            all
        }
        Pattern::Ref(name) => {
            if open.contains(name) {
                return Vec::new();
            }
            open.push(name.clone());
            let all = expand(grammar, grammar.define(name), open);
            open.pop();
            all
        }
        Pattern::NotAllowed => Vec::new(),
    }
}

/// A text of a type.
fn data(kind: &str, params: &[(String, String)]) -> String {
    let param = |name: &str| params.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    if let Some(pattern) = param("pattern") {
        return from_expression(pattern);
    }
    let least: i64 = param("minInclusive").and_then(|n| n.parse().ok()).unwrap_or(1);
    match kind {
        "string" => "word".to_owned(),
        "dateTime" => "2030-01-02T03:04:05".to_owned(),
        _ => least.max(1).to_string(),
    }
}

/// A short text that a regular expression of the schema fits.
fn from_expression(expression: &str) -> String {
    let mut rest = expression.chars().peekable();
    alternatives(&mut rest)
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Up to the end or the closing bracket; of several the first.
fn alternatives(rest: &mut Chars<'_>) -> String {
    let mut first = None;
    let mut now = String::new();
    while let Some(c) = rest.next() {
        let piece = match c {
            ')' => break,
            '|' => {
                first.get_or_insert_with(|| std::mem::take(&mut now));
                now.clear();
                continue;
            }
            '(' => alternatives(rest),
            '[' => class(rest),
            '\\' => match rest.next() {
                Some('s') => " ".to_owned(),
                Some('n') => "\n".to_owned(),
                other => other.unwrap_or_default().to_string(),
            },
            '.' => "x".to_owned(),
            other => other.to_string(),
        };
        now.push_str(&piece.repeat(times(rest)));
    }
    first.unwrap_or(now)
}

/// How often the piece before stands.
fn times(rest: &mut Chars<'_>) -> usize {
    match rest.peek() {
        Some('?') => {
            rest.next();
            0
        }
        Some('*' | '+') => {
            rest.next();
            1
        }
        Some('{') => {
            let text: String = rest.by_ref().skip(1).take_while(|c| *c != '}').collect();
            let mut numbers = text.split(',').map(|n| n.parse().unwrap_or(1));
            let least: usize = numbers.next().unwrap_or(1);
            least.max(numbers.next().unwrap_or(least).min(1))
        }
        _ => 1,
    }
}

/// A character of a class.
fn class(rest: &mut Chars<'_>) -> String {
    let mut all = Vec::new();
    let mut negated = false;
    while let Some(c) = rest.next() {
        match c {
            ']' => break,
            '^' if all.is_empty() && !negated => negated = true,
            '\\' => all.extend(rest.next()),
            '-' if !all.is_empty() && rest.peek().is_some_and(|n| *n != ']') => {
                let (from, to) = (*all.last().unwrap_or(&'a'), rest.next().unwrap_or('a'));
                all.extend(from..=to);
            }
            other => all.push(other),
        }
    }
    let wanted = ['1', '2', 'a', 'A', 'x'];
    let found = wanted.iter().find(|c| all.contains(c) != negated).or(all.first());
    found.copied().unwrap_or('x').to_string()
}

/// The items as text.
pub(crate) fn print(items: &[Item]) -> String {
    let mut out = String::new();
    push(&mut out, items);
    out
}

fn push(out: &mut String, items: &[Item]) {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('\'', "&apos;");
    for item in items {
        match item {
            // Printed by the element around.
            Item::Attr(..) => {}
            Item::Text(text) => out.push_str(&escape(text)),
            Item::Element(name, content) => {
                out.push_str(&format!("<{name}"));
                for inner in content {
                    if let Item::Attr(name, value) = inner {
                        out.push_str(&format!(" {name}='{}'", escape(value)));
                    }
                }
                out.push('>');
                push(out, content);
                out.push_str(&format!("</{name}>\n"));
            }
        }
    }
}
