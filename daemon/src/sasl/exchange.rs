//! One exchange with one client, from its first message to the verdict.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};
use rsasl::callback::{CallbackError, Context, Request, SessionCallback, SessionData};
use rsasl::config::SASLConfig;
use rsasl::mechanisms::scram::properties::ScramStoredPassword;
use rsasl::prelude::{Mechname, SASLServer, Session, SessionError, State, Validation};
use rsasl::property::{AuthId, AuthzId, Password};
use rsasl::validate::{Validate, ValidationError};

use super::scram;
use super::users::{Hash, Keys, Users};

/// No honest message is longer.
const MESSAGE_MAX: usize = 4096;

/// An exchange that goes on.
pub(crate) struct Exchange {
    session: Session<Verdict>,
    hash: Option<Hash>,
    /// Whether the client has said something.
    begun: bool,
}

/// The server's turn.
#[derive(Debug)]
pub(crate) enum Step {
    /// More is needed from the client.
    More(Vec<u8>),
    /// The client is this user.
    Proved {
        /// Its name.
        user: String,
        /// What the client checks the server by, where the mechanism has that.
        last: Option<Vec<u8>>,
    },
}

/// The name of a user whose password was right.
struct Verdict;

impl Validation for Verdict {
    type Value = Option<String>;
}

impl Exchange {
    /// Begins by a mechanism that is offered.
    pub(crate) fn begin(mechanism: &str, users: Users) -> Result<Self> {
        let sound = |error: &dyn std::fmt::Display| Error::internal(format!("mechanism '{mechanism}': {error}"));
        let config =
            SASLConfig::builder().with_defaults().with_callback(Answers { users }).map_err(|error| sound(&error))?;
        let name = Mechname::parse(mechanism.as_bytes()).map_err(|error| sound(&error))?;
        let session = SASLServer::<Verdict>::new(config).start_suggested(name).map_err(|error| sound(&error))?;
        Ok(Self { session, hash: Hash::of(mechanism), begun: false })
    }

    /// Answers a message; `None` when the client has nothing to say yet.
    ///
    /// Errors: `AUTH_FAILED`; the exchange is over then.
    pub(crate) fn step(&mut self, message: Option<&[u8]>) -> Result<Step> {
        let Some(message) = message else {
            // All mechanisms begin with the client.
            return if self.begun { Err(failed("an empty message")) } else { Ok(Step::More(Vec::new())) };
        };
        let is_whole = match (self.hash, self.begun) {
            (None, _) => !message.is_empty(),
            (Some(_), false) => scram::is_first(message),
            (Some(_), true) => scram::is_final(message),
        };
        if message.len() > MESSAGE_MAX || !is_whole {
            return Err(failed("a malformed message"));
        }
        self.begun = true;
        let mut answer = Vec::new();
        // What a client says must never end more than its own exchange.
        let stepped = catch_unwind(AssertUnwindSafe(|| self.session.step(Some(message), &mut answer)));
        match stepped {
            Ok(Ok(State::Running)) => Ok(Step::More(answer)),
            Ok(Ok(State::Finished(_))) => match self.session.validation().flatten() {
                Some(user) => Ok(Step::Proved { user, last: self.hash.is_some().then_some(answer) }),
                None => Err(failed("a wrong password or an unknown user")),
            },
            Ok(Err(error)) => Err(failed(&error.to_string())),
            Err(_) => Err(failed("a message that could not be interpreted")),
        }
    }
}

/// The log knows why; the client does not need to.
fn failed(why: &str) -> Error {
    tracing::info!(why, "SASL refused a client");
    Error::new(ErrorCode::AUTH_FAILED, "authentication failed").in_domain(ErrorDomain::RPC)
}

/// What the mechanisms ask for.
struct Answers {
    users: Users,
}

impl SessionCallback for Answers {
    fn callback(
        &self,
        session: &SessionData,
        context: &Context<'_>,
        request: &mut Request<'_>,
    ) -> std::result::Result<(), SessionError> {
        if !request.is::<ScramStoredPassword<'_>>() {
            return Ok(());
        }
        let name = context.get_ref::<AuthId>().and_then(scram::unescape).ok_or(CallbackError::NoValue)?;
        let hash = Hash::of(session.mechanism().mechanism.as_str()).ok_or(CallbackError::NoValue)?;
        let keys = match self.users.keys(&name, hash) {
            Some(keys) => keys.clone(),
            None => Keys::of_nobody(hash, &name),
        };
        let stored = ScramStoredPassword::new(keys.iterations, &keys.salt, &keys.stored, &keys.server);
        request.satisfy::<ScramStoredPassword<'_>>(&stored).map(drop)
    }

    fn validate(
        &self,
        session: &SessionData,
        context: &Context<'_>,
        validate: &mut Validate<'_>,
    ) -> std::result::Result<(), ValidationError> {
        let is_scram = Hash::of(session.mechanism().mechanism.as_str()).is_some();
        let text = |name: &str| if is_scram { scram::unescape(name) } else { Some(name.to_owned()) };
        let user = context.get_ref::<AuthId>().and_then(text);
        let acts_for = context.get_ref::<AuthzId>().filter(|name| !name.is_empty()).map(text);
        let verdict = user.filter(|user| {
            let proved =
                is_scram || context.get_ref::<Password>().is_some_and(|password| self.users.knows(user, password));
            // Nobody may act for somebody else.
            proved && acts_for.is_none_or(|name| name.as_ref() == Some(user))
        });
        validate.finalize::<Verdict>(verdict);
        Ok(())
    }
}

/// Shared by nobody: an exchange moves from thread to thread with its client.
const _: () = {
    const fn is_send<T: Send>() {}
    is_send::<Exchange>();
    is_send::<Arc<Users>>();
};

#[cfg(test)]
mod tests {
    use super::*;

    fn users() -> Users {
        let mut users = Users::default();
        users.set("anna", "secret").expect("usable");
        users
    }

    /// A client's side of an exchange with the library that real clients are not made of.
    fn log_in(mechanism: &str, name: &str, password: &str) -> Result<String> {
        use rsasl::prelude::SASLClient;
        let config = SASLConfig::with_credentials(None, name.to_owned(), password.to_owned()).expect("credentials");
        let offered = Mechname::parse(mechanism.as_bytes()).expect("a name");
        let mut client = SASLClient::new(config).start_suggested(&[offered]).expect("known");
        let mut server = Exchange::begin(mechanism, users())?;
        let mut came: Option<Vec<u8>> = None;
        loop {
            let mut said = Vec::new();
            client.step(came.as_deref(), &mut said).expect("the client goes on");
            match server.step(Some(&said))? {
                Step::More(answer) => came = Some(answer),
                Step::Proved { user, .. } => return Ok(user),
            }
        }
    }

    #[test]
    fn right_passwords_and_no_others_get_in() {
        for mechanism in super::super::MECHANISMS {
            assert_eq!(log_in(mechanism, "anna", "secret").expect("right"), "anna", "{mechanism}");
            for (name, password) in [("anna", "Secret"), ("bert", "secret"), ("anna", "x")] {
                let error = log_in(mechanism, name, password).expect_err("wrong");
                assert_eq!(error.code(), ErrorCode::AUTH_FAILED);
            }
        }
    }

    #[test]
    fn nobody_acts_for_somebody_else() {
        let mut plain = Exchange::begin("PLAIN", users()).expect("offered");
        plain.step(Some(b"root\0anna\0secret")).expect_err("another user");
        let mut plain = Exchange::begin("PLAIN", users()).expect("offered");
        plain.step(Some(b"anna\0anna\0secret")).expect("the same user");
    }

    #[test]
    fn odd_messages_end_the_exchange_only() {
        for mechanism in super::super::MECHANISMS {
            for message in ["", ",", "n,,n=anna", "n,a,n=anna,r=x", "p=x,,n=a,r=b", "\0\0", "\0\0\0\0", "n,,n=a=,r=x"] {
                let mut exchange = Exchange::begin(mechanism, users()).expect("offered");
                let mut last = exchange.step(Some(message.as_bytes()));
                for _ in 0..3 {
                    last = last.and_then(|_| exchange.step(Some(message.as_bytes())));
                }
                assert!(last.is_err(), "{mechanism} {message:?}");
            }
        }
        let mut scram = Exchange::begin("SCRAM-SHA-1", users()).expect("offered");
        scram.step(Some(b"n,,n=anna,r=abc")).expect("a beginning");
        for message in ["c=biws,r=abc,p=x", "c=!,r=abc,p=AAAA"] {
            scram.step(Some(message.as_bytes())).expect_err("wrong");
        }
    }
}
