//! A run's processes look secrets up: at hand in a variable or a file, or by asking a program.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::time::Duration;

use indexmap::IndexMap;

use super::environ::environment;
use super::group::{End, Limits};
use super::job::Processes;
use super::secrets::{self, Secret, unusable};
use super::signal;
use super::spawn::Start;
use crate::model::SecretRef;
use crate::model::call::{Cancel, Failure, Request, Sink, Stream};

/// How long a program may take that is asked for a secret, and then to end.
const ASKED: Duration = Duration::from_secs(10);
const ASKED_GRACE: Duration = Duration::from_secs(1);

/// Nobody sees what is printed.
pub(super) struct Nobody;

impl Sink for Nobody {
    fn line(&self, _stream: Stream, _line: &[u8]) {}
}

impl Processes {
    /// Makes these known as far as that is possible without starting anything, so that they are
    /// taken out of what is printed before the first step gets one. Those that are not there are
    /// missed when they are needed.
    pub fn learn(&self, references: &BTreeSet<SecretRef>) {
        let found = references
            .iter()
            .filter_map(|reference| Some((reference.clone(), self.at_hand(reference)?.ok()?)));
        self.secrets.learn(found.collect());
    }

    /// The secret at a place, looked up now. What a program prints is asked for once; a variable
    /// and a file are read each time, for a file may have been written anew.
    ///
    /// # Errors
    ///
    /// It is not there, or cannot be used. Nothing was done, and the failure does not show it.
    pub fn secret(
        &self,
        reference: &SecretRef,
        request: &Request,
        cancel: &dyn Cancel,
    ) -> Result<Secret, Failure> {
        let found = match self.at_hand(reference) {
            Some(found) => found?,
            None => self.asked(reference, request, cancel)?,
        };
        self.secrets.learn(vec![(reference.clone(), found.clone())]);
        Ok(found)
    }

    /// Why a secret in a variable or a file cannot be had now; nothing of one that can, or that is
    /// elsewhere.
    pub fn missing(&self, reference: &SecretRef) -> Option<Failure> {
        match reference {
            SecretRef::Env(_) | SecretRef::File(_) => self.at_hand(reference)?.err(),
            SecretRef::Command(_) | SecretRef::Run(_) => None,
        }
    }

    /// A secret that a tool of this run gave out; none where the place is another.
    pub fn issued_secret(&self, reference: &SecretRef) -> Option<Result<Secret, Failure>> {
        match reference {
            SecretRef::Run(_) => self.at_hand(reference),
            SecretRef::Env(_) | SecretRef::File(_) | SecretRef::Command(_) => None,
        }
    }

    /// The secret at a place that needs no process; none for a program that was not asked yet.
    fn at_hand(&self, reference: &SecretRef) -> Option<Result<Secret, Failure>> {
        match reference {
            SecretRef::Env(name) => Some(secrets::in_variable(&self.base_env, name, reference)),
            SecretRef::File(path) => {
                let path = secrets::whole_path(&self.base_env, path);
                Some(secrets::in_file(&path, reference))
            }
            SecretRef::Command(_) => self.secrets.known(reference).map(Ok),
            SecretRef::Run(name) => {
                let path = self.issued.as_ref().map(|dir| dir.join(name.as_str()));
                Some(match path.filter(|path| path.exists()) {
                    Some(path) => secrets::in_file(&path, reference),
                    None => Err(unusable(
                        reference,
                        "is not there any more: what a tool gave out is wiped when the run closes",
                    )
                    .hint("run the runbook anew, so that the tool gives out another")),
                })
            }
        }
    }

    /// What a program prints that is asked for a secret.
    fn asked(
        &self,
        reference: &SecretRef,
        request: &Request,
        cancel: &dyn Cancel,
    ) -> Result<Secret, Failure> {
        let SecretRef::Command(argv) = reference else {
            return Err(unusable(reference, "is not there"));
        };
        let failed = |why: String| {
            unusable(reference, &format!("cannot be had: {why}"))
                .hint("run its command by hand to see why")
        };
        let start = Start {
            argv: argv.iter().map(OsString::from).collect(),
            env: environment(
                &self.base_env,
                &[],
                &IndexMap::new(),
                request,
                &self.work_dir,
            ),
            dir: self.work_dir.clone(),
        };
        let limits = Limits {
            timeout: ASKED,
            grace: ASKED_GRACE,
            drain: self.drain,
            // One more than can be a secret with its line end.
            cap: secrets::MOST + 2,
        };
        // What it prints is the secret, and shown to nobody.
        let done = self
            .watched(&start, &limits, request, None, (&Nobody, cancel))
            .map_err(|failure| failed(failure.message))?;
        let why = match done.end {
            End::Exited(0) => {
                let cut = done.stdout.cut.is_some();
                return secrets::printed(done.stdout.bytes, cut, reference);
            }
            End::Exited(status) => format!("its command ended with exit status {status}"),
            End::Signalled(signal) => format!("its command was ended by {}", signal::name(signal)),
            End::TimedOut => format!("its command took longer than {} s", ASKED.as_secs()),
            End::Cancelled => "its command was ended on request".to_owned(),
            End::Lost(why) => why,
        };
        Err(failed(why))
    }
}
