//! Holds every described call and event against the published protocol:
//! number, argument order and types, limits, priority, access rules.
//!
//! The facts are read from `shared/facts` beside the checkout, or from
//! `OXIVIRT_FACTS`; where they are absent the test says so and proves nothing.

use std::collections::{BTreeMap, BTreeSet};

use oxivirt_core::event::{CONNECTION_CLOSED, all_events};
use oxivirt_core::interface::{CallDescription, Priority, StreamDirection, all_calls, public_name};
use oxivirt_core::wire::message::Program;
use oxivirt_core::wire::shape::Shape;
use oxivirt_tests::corpus;
use serde_json::Value;

fn facts(file: &str) -> Option<Value> {
    let path = corpus::facts(file)?;
    let text = std::fs::read_to_string(path).expect("facts can be read");
    Some(serde_json::from_str(&text).expect("facts are JSON"))
}

/// Turns the protocol's types into shapes.
struct Types<'a> {
    types: &'a Value,
    /// Types of the main program, which the small ones use too.
    shared: &'a Value,
    shared_constants: &'a Value,
    procedures: BTreeMap<String, &'a Value>,
    constants: &'a Value,
    api: &'a Value,
}

impl Types<'_> {
    fn number(&self, value: &Value) -> usize {
        let text = match value {
            Value::Number(number) => return number.as_u64().expect("positive") as usize,
            Value::String(text) => text,
            other => panic!("no number: {other}"),
        };
        if let Ok(number) = text.parse() {
            return number;
        }
        if let Some(inner) = self.constants.get(text).or_else(|| self.shared_constants.get(text)) {
            return self.number(inner);
        }
        let macros = &self.api["modules"]["libvirt"]["macros"][text]["value"];
        let sum = macros.as_str().unwrap_or_else(|| panic!("no constant {text}"));
        sum.trim_matches(['(', ')']).split('+').map(|part| part.trim().parse::<usize>().expect("a number")).sum()
    }

    fn field(&self, field: &Value) -> Shape {
        let name = field["type"].as_str().expect("a type");
        let max = field.get("max").map(|max| self.number(max));
        let len = field.get("len").map(|len| self.number(len));
        match (name, max, len) {
            ("opaque", Some(max), _) => Shape::Opaque { max },
            ("opaque", _, Some(len)) => Shape::FixedOpaque(len),
            ("string", Some(max), _) => Shape::String { max },
            (_, Some(max), _) => Shape::Array { of: Box::new(self.named(name)), max },
            (_, _, Some(len)) => Shape::Vector { of: Box::new(self.named(name)), len },
            _ => {
                let shape = self.named(name);
                match field.get("optional").and_then(Value::as_bool) {
                    Some(true) => Shape::Optional(Box::new(shape)),
                    _ => shape,
                }
            }
        }
    }

    fn named(&self, name: &str) -> Shape {
        match name {
            "int" => return Shape::Int,
            "unsigned int" | "unsigned" => return Shape::UnsignedInt,
            "hyper" => return Shape::Hyper,
            "unsigned hyper" => return Shape::UnsignedHyper,
            "char" => return Shape::Char,
            "unsigned char" => return Shape::UnsignedChar,
            "unsigned short" => return Shape::UnsignedShort,
            "double" => return Shape::Double,
            _ => {}
        }
        let Some(described) = self.types.get(name).or_else(|| self.shared.get(name)) else {
            // The answer or message of a call, used as a type of its own.
            let owner = name.trim_start_matches("remote_");
            let (procedure, part) = match owner.strip_suffix("_ret") {
                Some(procedure) => (procedure, "ret"),
                None => (owner.strip_suffix("_msg").unwrap_or(owner), "msg"),
            };
            let owner = self.procedures.get(procedure).unwrap_or_else(|| panic!("unknown type {name}"));
            return Shape::Struct(self.fields(&owner[part]));
        };
        match described["kind"].as_str() {
            Some("enum") => Shape::Int,
            Some("struct") => Shape::Struct(self.fields(&described["fields"])),
            Some("typedef") => self.field(described),
            Some("union") => {
                let arms = described["arms"].as_array().expect("arms").iter().enumerate();
                Shape::Union(arms.map(|(at, arm)| (at as i32 + 1, self.field(arm))).collect())
            }
            other => panic!("type {name} of kind {other:?}"),
        }
    }

    fn fields(&self, fields: &Value) -> Vec<Shape> {
        fields.as_array().into_iter().flatten().map(|field| self.field(field)).collect()
    }
}

/// What is published of one kind, with the name of its program.
fn published<'a>(wire: &'a Value, kind: &'a str) -> impl Iterator<Item = (&'static str, &'a Value)> {
    ["remote", "qemu", "lxc", "admin"].into_iter().flat_map(move |program| {
        let procedures = wire["programs"][program]["procedures"].as_array().expect("procedures");
        procedures.iter().filter(move |fact| fact["kind"] == kind).map(move |fact| (program, fact))
    })
}

fn flat(shapes: Vec<Shape>) -> Vec<Shape> {
    Shape::Struct(shapes).flatten()
}

fn plain(name: &str) -> String {
    name.trim_start_matches("r#").replace('_', "").to_lowercase()
}

fn program_name(program: Program) -> &'static str {
    match program {
        Program::REMOTE => "remote",
        Program::QEMU => "qemu",
        Program::LXC => "lxc",
        Program::ADMIN => "admin",
        other => panic!("{other:?} has no calls"),
    }
}

fn compare(call: &CallDescription, fact: &Value, types: &Types<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut check = |what: &str, ours: String, theirs: String| {
        if ours != theirs {
            wrong.push(format!("{} {what}: described {ours}, published {theirs}", call.name));
        }
    };
    check("number", call.number.to_string(), fact["number"].to_string());
    let arguments = (call.arguments)();
    let names: Vec<String> = arguments.iter().map(|(name, _)| plain(name)).collect();
    let published = fact["args"].as_array().cloned().unwrap_or_default();
    let published_names: Vec<String> =
        published.iter().map(|arg| plain(arg["name"].as_str().expect("a name"))).collect();
    check("argument names", names.join(","), published_names.join(","));
    let ours = flat(arguments.into_iter().map(|(_, shape)| shape).collect());
    check("arguments", format!("{ours:?}"), format!("{:?}", flat(types.fields(&fact["args"]))));
    let answer = flat(vec![(call.answer)()]);
    check("answer", format!("{answer:?}"), format!("{:?}", flat(types.fields(&fact["ret"]))));
    let priority = match call.priority {
        Priority::High => "high",
        Priority::Low => "low",
    };
    check("priority", priority.to_owned(), fact["priority"].as_str().unwrap_or_default().to_owned());
    let list = |value: &Value| {
        let items = value.as_array().into_iter().flatten().filter_map(Value::as_str);
        items.collect::<Vec<_>>().join(" ")
    };
    check("access rule", call.acl.join(" "), list(&fact["acl"]));
    check("access filter", call.filter.join(" "), list(&fact["acl_filter"]));
    let stream = match (fact.get("readstream"), fact.get("writestream")) {
        (Some(_), _) => Some(StreamDirection::Read),
        (_, Some(_)) => Some(StreamDirection::Write),
        _ => None,
    };
    check("stream", format!("{:?}", call.stream), format!("{stream:?}"));
    wrong
}

#[test]
fn every_described_call_is_as_published() {
    let (Some(wire), Some(api)) = (facts("wire.json"), facts("api.json")) else { return };
    let mut wrong = Vec::new();
    let mut compared = 0;
    for call in all_calls() {
        let program = &wire["programs"][program_name(call.program)];
        let procedures: BTreeMap<String, &Value> = program["procedures"]
            .as_array()
            .expect("procedures")
            .iter()
            .map(|fact| (fact["name"].as_str().expect("a name").to_owned(), fact))
            .collect();
        let Some(fact) = procedures.get(call.name).copied() else {
            wrong.push(format!("{} is not a published call", call.name));
            continue;
        };
        let (shared, shared_constants) =
            (&wire["programs"]["remote"]["types"], &wire["programs"]["remote"]["constants"]);
        let types = Types {
            types: &program["types"],
            shared,
            shared_constants,
            procedures,
            constants: &program["constants"],
            api: &api,
        };
        wrong.extend(compare(call, fact, &types));
        compared += 1;
    }
    let all = published(&wire, "call").count();
    assert_eq!(compared, all, "described and published calls");
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn no_call_is_described_twice() {
    let mut seen = BTreeSet::new();
    for call in all_calls() {
        assert!(seen.insert((call.program.0, call.number)), "{} has a number that is taken", call.name);
    }
}

#[test]
fn read_only_rules_are_as_published() {
    let Some(api) = facts("api.json") else { return };
    let modules = api["modules"].as_object().expect("modules").values();
    let functions: Vec<&Value> = modules.flat_map(|m| m["functions"].as_array().expect("functions")).collect();
    let mut compared = 0;
    for call in all_calls() {
        let name = public_name(call.name).to_lowercase();
        let function =
            functions.iter().find(|function| function["name"].as_str().is_some_and(|n| n.to_lowercase() == name));
        let Some(function) = function else { continue };
        let needs_write = function.get("needs_write").and_then(Value::as_bool).unwrap_or(false);
        assert_eq!(call.write, needs_write, "{}: whether read-only clients are refused", call.name);
        assert_eq!(public_name(call.name), function["name"].as_str().expect("a name"), "public name");
        compared += 1;
    }
    assert!(compared > 370, "only {compared} calls have a public function");
}

#[test]
fn every_described_event_is_as_published() {
    let (Some(wire), Some(api)) = (facts("wire.json"), facts("api.json")) else { return };
    let program = &wire["programs"]["remote"];
    let facts: Vec<&Value> = program["procedures"].as_array().expect("procedures").iter().collect();
    let procedures = facts.iter().map(|fact| (fact["name"].as_str().expect("a name").to_owned(), *fact)).collect();
    let (shared, shared_constants) = (&wire["programs"]["remote"]["types"], &wire["programs"]["remote"]["constants"]);
    let types = Types {
        types: &program["types"],
        shared,
        shared_constants,
        procedures,
        constants: &program["constants"],
        api: &api,
    };
    let mut described = BTreeSet::from([("remote", CONNECTION_CLOSED)]);
    for event in all_events() {
        let program = program_name(event.program);
        let find = |number: i32| {
            let facts = wire["programs"][program]["procedures"].as_array().expect("procedures");
            facts.iter().find(|fact| fact["number"] == number).expect("published")
        };
        let fact = find(event.callback);
        assert_eq!(fact["name"], event.name);
        described.insert((program, event.callback));
        let body = (event.body)();
        let with_id = [vec![Shape::Int], body.clone()].concat();
        assert_eq!(flat(with_id), flat(types.fields(&fact["msg"])), "{}", event.name);
        if let Some(plain) = event.plain {
            let body = body[usize::from(event.reason_first)..].to_vec();
            assert_eq!(flat(body), flat(types.fields(&find(plain)["msg"])), "{} without id", event.name);
            described.insert((program, plain));
        }
    }
    let is_missing = |(program, fact): &(&'static str, &Value)| {
        !described.contains(&(*program, fact["number"].as_i64().expect("a number") as i32))
    };
    let missing: Vec<_> = published(&wire, "event").filter(is_missing).map(|(_, fact)| &fact["name"]).collect();
    assert!(missing.is_empty(), "not described: {missing:?}");
}
