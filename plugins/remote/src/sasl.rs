//! Proving who we are through SASL.

use std::io::Cursor;

use oxivirt_core::call::Call;
use oxivirt_core::client::{Authenticate, Client, Link};
use oxivirt_core::interface::Session;
use oxivirt_core::types::{List, SaslStep, limit};
use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};
use rsasl::config::SASLConfig;
use rsasl::mechname::Mechname;
use rsasl::prelude::{SASLClient, State};

use crate::connection::Places;
use crate::parameters::Proof;
use crate::secrets;
use crate::uri::RemoteUri;

/// Knows the secrets for one server.
pub(crate) struct Sasl<'a> {
    pub(crate) uri: &'a RemoteUri,
    pub(crate) places: &'a Places,
    /// Whether nobody can listen, so that a password may be said aloud.
    pub(crate) secure: bool,
}

/// What we speak, best first; the last one says the password aloud.
const MECHANISMS: &[&str] = &["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"];

/// Most steps of an exchange.
const STEPS_MAX: usize = 10;

type Data = List<i8, { limit::SASL_DATA }>;

/// Kinds of authentication, as servers list them.
const NONE: i32 = 0;
const SASL: i32 = 1;
const POLKIT: i32 = 2;

impl Authenticate for Sasl<'_> {
    fn choose(&self, offered: &[i32]) -> Result<i32> {
        let wanted = match &self.uri.parameters.proof {
            None => return Ok(offered.first().copied().unwrap_or(NONE)),
            Some(Proof::Nothing) => NONE,
            Some(Proof::Sasl(_)) => SASL,
            Some(Proof::Polkit) => POLKIT,
        };
        let peer = self.uri.peer();
        match offered.contains(&wanted) || (offered.is_empty() && wanted == NONE) {
            true => Ok(wanted),
            false => Err(refused(format!("{peer} does not offer the authentication that parameter 'auth' names"))),
        }
    }

    fn sasl(&self, call: &Call, client: &Client<Link>) -> Result<()> {
        let offered = client.auth_sasl_init(call)?;
        let wanted = match &self.uri.parameters.proof {
            Some(Proof::Sasl(wanted)) => wanted.as_deref(),
            _ => None,
        };
        let ours = MECHANISMS.iter().filter(|name| self.secure || **name != "PLAIN");
        let mut ours = ours.filter(|name| wanted.is_none_or(|wanted| wanted == **name));
        let mechanism = ours.find(|name| offered.split([',', ' ']).any(|other| other == **name)).copied();
        let mechanism = mechanism.ok_or_else(|| refused(self.unusable(&offered)))?;
        let credentials = secrets::find(self.uri, self.places)?;
        let (Some(user), Some(password)) = (credentials.user, credentials.password) else {
            let peer = client.transport().peer();
            return Err(refused(format!("{peer} asks for a name and a password, and auth.conf has none for it")));
        };
        let config = SASLConfig::with_credentials(None, user, password).map_err(|error| refused(error.to_string()))?;
        let name = Mechname::parse(mechanism.as_bytes()).map_err(|error| refused(error.to_string()))?;
        let session = SASLClient::new(config).start_suggested(&[name]);
        let mut session = session.map_err(|error| refused(format!("{mechanism}: {error}")))?;

        let mut ours = Vec::new();
        let mut done = false;
        if session.are_we_first() {
            done = step(&mut session, None, &mut ours)?;
        }
        let mut reply = client.auth_sasl_start(call, mechanism, i32::from(ours.is_empty()), &signed(&ours)?)?;
        for _ in 0..STEPS_MAX {
            let theirs = unsigned(&reply);
            ours.clear();
            if !done && (reply.nil == 0 || reply.complete == 0) {
                done = step(&mut session, Some(&theirs), &mut ours)?;
            }
            if reply.complete != 0 {
                return match done {
                    true => Ok(()),
                    false => Err(refused(format!("{mechanism}: the server did not prove itself"))),
                };
            }
            reply = client.auth_sasl_step(call, i32::from(ours.is_empty()), &signed(&ours)?)?;
        }
        Err(refused(format!("{mechanism} did not end within {STEPS_MAX} steps")))
    }
}

impl Sasl<'_> {
    /// Why none of the mechanisms that are offered can be used.
    fn unusable(&self, offered: &str) -> String {
        let peer = self.uri.peer();
        let ours = MECHANISMS.join(", ");
        match &self.uri.parameters.proof {
            Some(Proof::Sasl(Some(wanted))) => {
                format!("SASL mechanism '{wanted}' is not possible: {peer} offers '{offered}', spoken here are {ours}")
            }
            _ if !self.secure && offered.split([',', ' ']).any(|other| other == "PLAIN") => {
                format!("{peer} offers SASL mechanisms '{offered}', and a password is not said aloud on this transport")
            }
            _ => format!("{peer} offers SASL mechanisms '{offered}', spoken here are {ours}"),
        }
    }
}

/// Takes one step; whether we have nothing more to say.
fn step(session: &mut rsasl::prelude::Session, theirs: Option<&[u8]>, ours: &mut Vec<u8>) -> Result<bool> {
    let state = session.step(theirs, &mut Cursor::new(ours)).map_err(|error| refused(error.to_string()))?;
    Ok(matches!(state, State::Finished(_)))
}

fn signed(data: &[u8]) -> Result<Data> {
    List::new(data.iter().map(|byte| byte.cast_signed()).collect())
}

fn unsigned(step: &SaslStep) -> Vec<u8> {
    step.data.iter().map(|byte| byte.cast_unsigned()).collect()
}

fn refused(text: String) -> Error {
    Error::new(ErrorCode::AUTH_FAILED, text).in_domain(ErrorDomain::AUTH)
}
