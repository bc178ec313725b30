//! Files that a policy names: frozen when a run is bound, and refused where they are not right.

use super::*;
use crate::model::ids::EnvironmentName;
use crate::spec::environment::Policy;

const KEY: &str = "ana@example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample\n";

fn desk(policy: &str) -> Desk {
    let file = format!(
        "environments:\n  production:\n    tools: {{ CHAT_TOOL: manual }}\n    policy: {{ {policy} }}\n"
    );
    let steps = "  - call: $CHAT_TOOL post --channel x hello\n";
    Desk::new()
        .team("runbook.yaml", &file)
        .team("runbooks/one.yaml", &runbook("one", steps))
}

/// What keeps a run from being bound; the same is said by `check`.
fn refused(desk: &Desk) -> String {
    let workspace = desk.workspace();
    let (environments, found) = workspace.environments();
    assert!(found.is_empty(), "{}", found.render(false, 100));
    let checked = workspace.policy_files(None, &environments.unwrap());
    let bound = bind(desk).unwrap_err();
    assert_eq!(bound, checked.render(false, 200));
    bound
}

fn bind(desk: &Desk) -> Result<Policy, String> {
    let workspace = desk.seen_from("team/deep/down");
    let loaded = workspace.load_with_includes("one").unwrap();
    let environment: EnvironmentName = "production".parse().unwrap();
    match workspace.bind(&loaded, Some(&environment)) {
        Ok(bound) => Ok(bound.policy),
        Err(failed) => {
            assert!(failed.errors.is_empty(), "{:?}", failed.errors);
            let said = failed.diagnostics.render(false, 200);
            // Paths are shown from where we are, and these runs begin somewhere else.
            Err(said.replace(&format!("{}/", desk.path("team").display()), ""))
        }
    }
}

#[test]
fn what_the_signers_file_holds_is_frozen_when_a_run_is_bound() {
    let desk = desk("allowed_signers: ops/signers, revoked_keys: ops/revoked")
        .team("ops/signers", KEY)
        // A key revocation list is no text.
        .team("ops/revoked", "");
    fs::write(desk.path("team/ops/revoked"), b"SSHKRL\n\0\xff").unwrap();
    let signers = bind(&desk).unwrap().signers.unwrap();
    assert_eq!(signers.text, KEY);
    let absolute = |path: &str| desk.path(path).to_string_lossy().into_owned();
    assert_eq!(signers.path, absolute("team/ops/signers"));
    assert_eq!(signers.revoked, Some(absolute("team/ops/revoked")));
}

#[test]
fn a_signers_file_is_looked_for_beside_its_runbook_yaml_only() {
    let desk = desk("allowed_signers: signers").user("signers", KEY);
    assert!(refused(&desk).contains("there is no such file"));
}

#[test]
fn a_signers_file_that_cannot_be_used_is_said_at_its_place_before_anything_begins() {
    let missing = refused(&desk("allowed_signers: ops/signers"));
    insta::assert_snapshot!(missing, @r"
    error[unreadable]: ops/signers cannot be used: there is no such file
     --> runbook.yaml:4:32
      |
    4 |     policy: { allowed_signers: ops/signers }
      |                                ^^^^^^^^^^^
      |
      = help: mend the file, or take the key out of the policy; a run does not begin without it
    ");
    let named = || desk("allowed_signers: signers");
    let large = named().team("signers", &"x".repeat((1 << 20) + 1));
    assert!(refused(&large).contains("it has more than 1 MiB"));
    assert!(bind(&named().team("signers", &"x".repeat(1 << 20))).is_ok());
    let bytes = named();
    fs::write(bytes.path("team/signers"), b"ana \xff").unwrap();
    assert!(refused(&bytes).contains("it is not UTF-8 text"));
    let folder = named();
    fs::create_dir(folder.path("team/signers")).unwrap();
    assert!(refused(&folder).contains("it is a directory"));
    let pipe = named();
    let path = pipe.path("team/signers");
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).unwrap();
    assert!(refused(&pipe).contains("it is not a file"));
    let revoked = desk("allowed_signers: signers, revoked_keys: revoked").team("signers", KEY);
    assert!(refused(&revoked).contains("revoked cannot be used: there is no such file"));
}

#[test]
fn threat_23_a_signers_file_behind_a_link_that_leads_out_is_refused() {
    let named = || desk("allowed_signers: ops/signers").write("outside/signers", KEY);
    let file = named().link("team/ops/signers", "../../outside/signers");
    assert!(refused(&file).contains("a link leads out of"));
    let directory = named().link("team/ops", "../outside");
    assert!(refused(&directory).contains("a link leads out of"));
    let inside = named()
        .team("keys/signers", KEY)
        .link("team/ops/signers", "../keys/signers");
    assert_eq!(bind(&inside).unwrap().signers.unwrap().text, KEY);
}
