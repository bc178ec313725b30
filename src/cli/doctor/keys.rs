//! Whether somebody here could sign an approval.

use super::Context;
use super::finding::Finding;
use crate::keys::{AllowedSigners, WantedKey, find_key};
use crate::spec::environment::Policy;

const ABOUT: &str = "signatures";

/// Looks at the signer's key, where the policy of this environment counts signatures.
pub fn look(context: &Context, policy: &Policy) -> Vec<Finding> {
    let Some(signers) = &policy.signers else {
        return vec![Finding::ok(ABOUT, "the policy here counts none")];
    };
    let mut found = Vec::new();
    let dir = &context.surroundings.cwd;
    if let Err(failure) = crate::call::program_path("ssh-keygen", &context.surroundings.vars, dir) {
        found.push(
            Finding::problem(ABOUT, failure.message)
                .help("no signature can be checked without it: install OpenSSH's client"),
        );
    }
    let known = match AllowedSigners::read(&signers.text) {
        Ok(known) => known,
        Err(error) => {
            found.push(Finding::problem(
                ABOUT,
                format!("{}: {error}", signers.path),
            ));
            return found;
        }
    };
    let key = find_key(&WantedKey {
        given: None,
        variable: context.surroundings.var("RUNBOOK_SSH_KEY"),
        home: context.surroundings.home.as_deref(),
    });
    let key = match key {
        Ok(key) => key,
        Err(error) => {
            let says =
                format!("{error}; you can approve from this machine, but not sign for others");
            found.push(Finding::warning(ABOUT, says).help(error.hint()));
            return found;
        }
    };
    let path = key.path().display().to_string();
    found.push(match key.public_half() {
        None => Finding::warning(ABOUT, format!("of {path} no public half is beside it"))
            .help(format!("ssh-keygen -y -f {path} > {path}.pub")),
        Some(public) => {
            let names: Vec<String> = known
                .of_key(&public)
                .flat_map(|signer| signer.names())
                .map(|name| name.to_string())
                .collect();
            match names.is_empty() {
                false => Finding::ok(ABOUT, format!("{path} signs as {}", names.join(", "))),
                true => Finding::warning(ABOUT, format!("{path} is not in {}", signers.path)).help(
                    "what you sign does not count until your key is added there and reviewed",
                ),
            }
        }
    });
    found
}
