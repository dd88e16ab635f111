//! What access control reads, for the fuzz targets.

use oxivirt_core::interface::CallDescription;
use oxivirt_core::types::{TypedParam, TypedValue, limit};
use oxivirt_core::wire::xdr::{Reader, Xdr, decode_array};

use super::document::Parts;
use super::object::{Kind, Object};
use super::plan::{Plan, Source};
use super::rules::Rules;
use super::{Judge, Question, Subject};

/// The file of rules: refused with its lines, or able to decide.
pub(crate) fn rules(text: &str) {
    let rules = match Rules::parse(text) {
        Ok(rules) => rules,
        Err(mistakes) => return assert!(mistakes.iter().all(|(line, mistake)| *line > 0 && !mistake.is_empty())),
    };
    let identity = vec![
        TypedParam::new("unix-user-id", TypedValue::UnsignedLongLong(4711)),
        TypedParam::new("sasl-user-name", TypedValue::String("anna")),
    ];
    let subject = Subject { client: 1, identity };
    let domain = Object::domain("web-1", "4dea22b3-1d52-d8f3-2516-782e98ab23fa");
    for object in [Object::connect(), domain, Object::unknown(Kind::Domain)] {
        let allowed =
            rules.allows(&Question { subject: &subject, driver: "QEMU", object: &object, permission: "read" });
        // What no rule allows is denied.
        assert!(allowed.is_ok_and(|allowed| !allowed || text.contains("allow")));
    }
}

/// A document that says which object it is about.
pub(crate) fn document(kind: u8, bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let kind = Kind::ALL[usize::from(kind) % Kind::ALL.len()].0;
    if let Ok(parts) = Parts::read(kind, text) {
        let _ = (parts.uuid(), parts.usage());
    }
}

/// The arguments of a call.
pub(crate) fn arguments(call: &CallDescription, payload: &[u8]) {
    let plan = Plan::find(call).expect("every call has its rules");
    for rule in &plan.rules {
        let _ = rule.applies(plan, payload);
        match rule.source {
            Source::Document { xml: at, .. } | Source::Image { file: at, .. } => drop(plan.text(at, payload)),
            Source::Name(at) => drop(plan.value::<String>(at, payload)),
            Source::Parameters(at) => {
                let parameters = plan.argument(at, payload);
                drop(parameters.and_then(|mut input| decode_array::<TypedParam>(&mut input, limit::NODE_DEVICES)));
            }
            Source::Reference(at) | Source::Part(at) => {
                let reference = plan.argument(at, payload);
                drop(reference.and_then(|mut input| oxivirt_core::types::Domain::decode(&mut input)));
            }
            Source::Connect | Source::Answer | Source::Unknown => {}
        }
    }
    // The answer of a driver is read by the same means.
    let _ = (call.answer)().skip(&mut Reader::new(payload));
}
