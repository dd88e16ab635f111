//! The backend with a file of its own: one rule per line, the first that fits
//! decides, and what no rule allows is denied.
//!
//! A line is `allow` or `deny`, permissions, and what must be true of client
//! and object. The same key twice is either of both values.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use oxivirt_core::Result;
use oxivirt_core::interface::all_calls;

use super::object::{ATTRIBUTES, Object};
use super::subject::Subject;
use super::{Judge, Question};
use crate::globs;
use oxivirt_util::accounts;

/// The rules of one file.
#[derive(Debug, Default)]
pub(super) struct Rules {
    rules: Vec<Rule>,
    /// Names and numbers of groups by user, so that account files are read once.
    groups: Mutex<HashMap<String, Arc<Vec<String>>>>,
}

#[derive(Debug)]
struct Rule {
    allow: bool,
    /// Patterns of `object:permission`.
    permissions: Vec<String>,
    /// What must be true, values of one key together.
    wanted: Vec<(Key, Vec<String>)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    User,
    Group,
    Sasl,
    X509,
    Driver,
    /// An attribute of the object, by its short or its whole name.
    Attribute(String),
}

/// Bytes that the file may have.
const SIZE_MAX: usize = 4 << 20;

impl Rules {
    /// Reads the file.
    ///
    /// Errors: every mistake, with file and line.
    pub(super) fn read(path: &Path) -> Result<Self, Vec<String>> {
        let text = oxivirt_util::file::read_text(path, SIZE_MAX)
            .map_err(|error| vec![format!("cannot read access rules '{}': {error}", path.display())])?;
        let named = |(line, mistake)| format!("{}:{line}: {mistake}", path.display());
        Self::parse(&text).map_err(|mistakes| mistakes.into_iter().map(named).collect())
    }

    /// Reads the text of the file; mistakes are told with their lines.
    pub(super) fn parse(text: &str) -> Result<Self, Vec<(usize, String)>> {
        let (mut rules, mut mistakes) = (Vec::new(), Vec::new());
        for (at, line) in text.lines().enumerate() {
            match words(line).and_then(|words| Rule::parse(&words)) {
                Ok(rule) => rules.extend(rule),
                Err(mistake) => mistakes.push((at + 1, mistake)),
            }
        }
        match mistakes.is_empty() {
            true => Ok(Self { rules, groups: Mutex::default() }),
            false => Err(mistakes),
        }
    }

    fn decide(&self, question: &Question<'_>) -> bool {
        let permission = format!("{}:{}", question.object.kind.name(), question.permission);
        self.rules.iter().find(|rule| self.fits(rule, question, &permission)).is_some_and(|rule| rule.allow)
    }

    fn fits(&self, rule: &Rule, question: &Question<'_>, permission: &str) -> bool {
        rule.permissions.iter().any(|pattern| globs::fits(pattern, permission))
            && rule.wanted.iter().all(|(key, patterns)| self.is(key, patterns, question, rule.allow))
    }

    /// Whether one key has one of the values.
    fn is(&self, key: &Key, patterns: &[String], question: &Question<'_>, allow: bool) -> bool {
        let subject = question.subject;
        let word = |field: &str| subject.word(field).is_some_and(|word| any(patterns, &word));
        match key {
            Key::User => word("user-name") || word("unix-user-id"),
            Key::Group => self.groups(subject).iter().any(|group| any(patterns, group)),
            Key::Sasl => word("sasl-user-name"),
            Key::X509 => word("x509-distinguished-name"),
            Key::Driver => any(patterns, &question.driver.to_lowercase()),
            Key::Attribute(name) => {
                let object: &Object = question.object;
                // Of an object that nobody knows yet the worst is assumed.
                let Some(attributes) = &object.attributes else { return !allow };
                let name = object.kind.attribute(name).unwrap_or(name);
                attributes.iter().any(|(known, value)| *known == name && any(patterns, value))
            }
        }
    }

    /// Every group of a user of this host, by name and number.
    fn groups(&self, subject: &Subject) -> Arc<Vec<String>> {
        let Some(user) = subject.word("user-name").or_else(|| subject.word("unix-user-id")) else {
            return Arc::default();
        };
        let lock = || self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&*user) {
            return known.clone();
        }
        let own = subject.word("unix-group-id").and_then(|number| number.parse().ok());
        let found = Arc::new(accounts::groups(&user, own));
        lock().insert(user.into_owned(), found.clone());
        found
    }
}

fn any(patterns: &[String], value: &str) -> bool {
    patterns.iter().any(|pattern| globs::fits(pattern, value))
}

impl Judge for Rules {
    fn allows(&self, question: &Question<'_>) -> Result<bool> {
        Ok(self.decide(question))
    }

    fn is_quick(&self) -> bool {
        true
    }
}

impl Rule {
    /// Reads a line; an empty one is none.
    fn parse(words: &[String]) -> Result<Option<Self>, String> {
        let Some((verb, rest)) = words.split_first() else { return Ok(None) };
        let allow = match verb.as_str() {
            "allow" => true,
            "deny" => false,
            other => return Err(format!("a rule begins with allow or deny, not '{other}'")),
        };
        let (permissions, rest) =
            rest.split_first().ok_or_else(|| format!("permissions are missing after '{verb}'"))?;
        let permissions = permissions.split(',').map(permission).collect::<Result<_, _>>()?;
        let mut wanted: Vec<(Key, Vec<String>)> = Vec::new();
        for word in rest {
            let (key, value) = word.split_once('=').ok_or_else(|| format!("'{word}' is no KEY=VALUE"))?;
            let key = Key::parse(key)?;
            if value.is_empty() {
                return Err(format!("'{word}' has no value; * stands for any"));
            }
            // Values of these are always told in small letters.
            let folds = match &key {
                Key::Driver => true,
                Key::Attribute(name) => name.ends_with("uuid") || name.ends_with("macaddr"),
                _ => false,
            };
            let value = if folds { value.to_lowercase() } else { value.to_owned() };
            match wanted.iter_mut().find(|(known, _)| *known == key) {
                Some((_, values)) => values.push(value),
                None => wanted.push((key, vec![value])),
            }
        }
        Ok(Some(Self { allow, permissions, wanted }))
    }
}

impl Key {
    fn parse(name: &str) -> Result<Self, String> {
        Ok(match name {
            "user" => Self::User,
            "group" => Self::Group,
            "sasl" => Self::Sasl,
            "x509" => Self::X509,
            "driver" => Self::Driver,
            "name" | "uuid" => Self::Attribute(name.to_owned()),
            whole if ATTRIBUTES.contains(&whole) => Self::Attribute(whole.to_owned()),
            _ => {
                return Err(format!(
                    "unknown key '{name}', there are user, group, sasl, x509, driver, name, uuid, {}",
                    ATTRIBUTES.join(", ")
                ));
            }
        })
    }
}

/// A pattern of permissions, which must fit one that there is.
fn permission(pattern: &str) -> Result<String, String> {
    static KNOWN: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
        let rules = all_calls().flat_map(|call| call.acl.iter().chain(call.filter));
        rules.map(|rule| rule.splitn(3, ':').take(2).collect::<Vec<_>>().join(":")).collect()
    });
    let pattern = pattern.replace('-', "_");
    match KNOWN.iter().any(|known| globs::fits(&pattern, known)) {
        true => Ok(pattern),
        false => Err(format!("there is no permission '{pattern}', they are such as domain:start or network:*")),
    }
}

/// The words of a line, up to a comment. Quotes keep blanks together, and a
/// backslash among them keeps the next character as it is.
fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' if quoted => match letters.next() {
                Some(next) => word.get_or_insert_default().push(next),
                None => return Err("the line ends with a backslash".to_owned()),
            },
            blank if blank.is_whitespace() && !quoted => words.extend(word.take()),
            '#' if !quoted && word.is_none() => break,
            other => word.get_or_insert_default().push(other),
        }
    }
    match quoted {
        true => Err("a quote is not closed".to_owned()),
        false => {
            words.extend(word);
            Ok(words)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxivirt_core::types::{TypedParam, TypedValue};

    fn rules(text: &str) -> Rules {
        Rules::parse(text).unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
    }

    fn subject(user: &str) -> Subject {
        let identity = vec![
            TypedParam::new("unix-user-id", TypedValue::UnsignedLongLong(4711)),
            TypedParam::new("user-name", TypedValue::String(user)),
            TypedParam::new("x509-distinguished-name", TypedValue::String("C=GB,O=Red Hat,CN=a")),
        ];
        Subject { client: 1, identity }
    }

    fn allows(rules: &Rules, user: &str, object: &Object, permission: &str) -> bool {
        let subject = subject(user);
        rules.decide(&Question { subject: &subject, driver: "QEMU", object, permission })
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let rules = rules(
            "# who may what\n\
             deny domain:* name=secret-* user=anna user=4712\n\
             allow domain:getattr,domain:read name=\"my web\" name=secret-* driver=qemu\n\
             allow domain:* user=boss domain_uuid=4DEA22B3-*   # by uuid\n\
             allow connect:* x509=\"C=GB,O=Red Hat,*\"\n",
        );
        let web = Object::domain("my web", "4dea22b3-1d52-d8f3-2516-782e98ab23fa");
        let hidden = Object::domain("secret-1", "00000000-1d52-d8f3-2516-782e98ab23fa");
        assert!(allows(&rules, "anna", &web, "read"));
        assert!(!allows(&rules, "anna", &web, "start"));
        assert!(allows(&rules, "boss", &web, "start"));
        assert!(!allows(&rules, "boss", &hidden, "start"));
        assert!(!allows(&rules, "anna", &hidden, "read"));
        assert!(allows(&rules, "boss", &hidden, "read"));
        assert!(allows(&rules, "anna", &Object::connect(), "search_domains"));
        assert!(!allows(&rules, "anna", &Object::network("my web", ""), "read"));
        assert!(!allows(&Rules::default(), "root", &Object::connect(), "getattr"));
    }

    #[test]
    fn users_are_known_by_number_and_by_group() {
        let connect = Object::connect();
        assert!(allows(&rules("allow *:* user=4711"), "anna", &connect, "read"));
        assert!(allows(&rules("allow *:* group=root"), "root", &connect, "read"));
        assert!(allows(&rules("allow *:* group=0"), "root", &connect, "read"));
        assert!(!allows(&rules("allow *:* group=root"), "no such user, surely", &connect, "read"));
        assert!(!allows(&rules("allow *:* sasl=*"), "anna", &connect, "read"));
    }

    #[test]
    fn of_an_unknown_object_the_worst_is_assumed() {
        let unknown = Object::unknown(super::super::object::Kind::Domain);
        assert!(!allows(&rules("allow *:* name=*"), "anna", &unknown, "start"));
        assert!(!allows(&rules("deny domain:start name=x\nallow *:*"), "anna", &unknown, "start"));
        assert!(allows(&rules("allow *:*"), "anna", &unknown, "start"));
    }

    #[test]
    fn mistakes_are_named_by_line() {
        for (text, line, wanted) in [
            ("\npermit *:*\n", 2, "begins with allow or deny"),
            ("allow\n", 1, "permissions are missing"),
            ("allow domain:fly\n", 1, "there is no permission 'domain:fly'"),
            ("allow domain:\n", 1, "there is no permission"),
            ("allow domain:start,\n", 1, "there is no permission"),
            ("allow *:* anna\n", 1, "'anna' is no KEY=VALUE"),
            ("allow *:* nick=anna\n", 1, "unknown key 'nick'"),
            ("allow *:* user=\n", 1, "has no value"),
            ("allow *:*\nallow *:* name=\"a\n", 2, "a quote is not closed"),
            ("allow *:* name=\"a\\", 1, "ends with a backslash"),
        ] {
            let mistakes = Rules::parse(text).expect_err(text);
            assert!(
                matches!(&mistakes[..], [(at, mistake)] if *at == line && mistake.contains(wanted)),
                "{mistakes:?}"
            );
        }
    }
}
