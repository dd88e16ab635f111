//! Guests whose memory the host cannot read: what their owner can check, and
//! hand over before they run.

use oxivirt_conf::domain::LaunchSecurity;
use oxivirt_core::types::{TypedKind, TypedParam, TypedValue, check_params};
use oxivirt_core::{Error, ErrorCode, Result};
use serde_json::{Map, Value};

use super::{ANSWER, Guests};
use crate::lifecycle::State;
use crate::state::Job;

const SECRET: &[(&str, TypedKind)] = &[
    ("sev-secret-header", TypedKind::String),
    ("sev-secret", TypedKind::String),
    ("sev-secret-set-address", TypedKind::UnsignedLongLong),
];

impl Guests {
    /// What the processor says of a guest's encryption; nothing of a guest without.
    pub(crate) fn launch_security(&self, job: &Job) -> Result<Vec<TypedParam>> {
        let snapshot = job.snapshot();
        let security = snapshot.definition().launch_security.as_deref();
        let (Some(LaunchSecurity::Sev(_) | LaunchSecurity::SevSnp(_)), run) = (security, job.private().run()) else {
            return Ok(Vec::new());
        };
        let run = run.ok_or_else(|| Error::operation_invalid("domain is not running"))?;
        let monitor = run.monitor()?;
        let sev = monitor.execute("query-sev", Value::Null, ANSWER)?;
        let number = |key: &str| sev.get(key).and_then(Value::as_u64).unwrap_or(0);
        let small = |key: &str| TypedValue::UnsignedInt(u32::try_from(number(key)).unwrap_or(u32::MAX));
        let mut params = Vec::new();
        let snp = matches!(security, Some(LaunchSecurity::SevSnp(_)));
        if !snp {
            let measured = monitor.execute("query-sev-launch-measure", Value::Null, ANSWER)?;
            let measurement = measured.get("data").and_then(Value::as_str).unwrap_or_default();
            params.push(TypedParam::new("sev-measurement", TypedValue::String(measurement)));
        }
        params.push(TypedParam::new("sev-api-major", small("api-major")));
        params.push(TypedParam::new("sev-api-minor", small("api-minor")));
        params.push(TypedParam::new("sev-build-id", small("build-id")));
        match snp {
            true => params.push(TypedParam::new("sev-snp-policy", TypedValue::UnsignedLongLong(number("snp-policy")))),
            false => params.push(TypedParam::new("sev-policy", small("policy"))),
        }
        Ok(params)
    }

    /// Hands a secret to a guest that has not run yet.
    ///
    /// Errors: `OPERATION_UNSUPPORTED` a guest that is not encrypted so;
    /// `INVALID_ARG` half a secret; `OPERATION_INVALID` it runs already.
    pub(crate) fn inject_launch_secret(&self, job: &Job, params: &[TypedParam]) -> Result<()> {
        check_params(params, SECRET)?;
        let snapshot = job.snapshot();
        let run = job.private().require_run()?;
        if !matches!(snapshot.definition().launch_security.as_deref(), Some(LaunchSecurity::Sev(_))) {
            let text = "setting a launch secret is only supported in SEV-enabled domains";
            return Err(Error::new(ErrorCode::OPERATION_UNSUPPORTED, text));
        }
        let text = |name: &str| {
            let value = params.iter().find(|p| p.field() == name).map(TypedParam::value);
            if let Some(TypedValue::String(text)) = value { Some(text.to_owned()) } else { None }
        };
        let (Some(header), Some(secret)) = (text("sev-secret-header"), text("sev-secret")) else {
            return Err(Error::invalid_arg("Both sev-secret-header and sev-secret are required"));
        };
        if !matches!(snapshot.status.state, State::Paused(_)) {
            return Err(Error::operation_invalid("domain must be in a paused state"));
        }
        let mut arguments = Map::new();
        arguments.insert("packet-header".into(), header.into());
        arguments.insert("secret".into(), secret.into());
        let address = params.iter().find(|p| p.field() == "sev-secret-set-address").map(TypedParam::value);
        if let Some(TypedValue::UnsignedLongLong(address)) = address {
            arguments.insert("gpa".into(), address.into());
        }
        run.monitor()?.execute("sev-inject-launch-secret", arguments.into(), ANSWER).map(drop)
    }
}
