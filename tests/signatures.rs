//! Signatures over ballots, made and checked by the real `ssh-keygen`. Numbers are rows of the
//! threat list.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on may panic"
)]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use runbook::keys::{
    AllowedSigners, ApprovalRequest, Keygen, KeygenError, NotSigned, Signature, Trusted, WantedKey,
    Which, answer_text, find_key, read_answer,
};
use runbook::model::approval::{Ballot, HeadRef, Principal, SignedBallot, Vote};
use runbook::model::gate::{Expires, GateOpened};
use runbook::model::ids::{Attempt, StepKey};
use runbook::model::people::Person;
use runbook::model::{Digest, Effect, Timestamp};

/// A place with keys in it.
struct Keys {
    dir: tempfile::TempDir,
}

impl Keys {
    fn new() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("runbook-test")
            .tempdir()
            .unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// `ssh-keygen` as a person would start it here.
    fn keygen(&self, args: &[&str]) -> Command {
        let mut command = Command::new("ssh-keygen");
        command
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn keygen_does(&self, args: &[&str]) -> String {
        let output = self.keygen(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// A new key; what it stands in a signers' file as.
    fn make(&self, name: &str) -> String {
        self.make_of(name, "ed25519")
    }

    fn make_of(&self, name: &str, kind: &str) -> String {
        self.keygen_does(&["-q", "-t", kind, "-N", "", "-C", name, "-f", name]);
        self.public(name)
    }

    fn public(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.path(&format!("{name}.pub"))).unwrap();
        let words: Vec<&str> = text.split(' ').take(2).collect();
        words.join(" ")
    }

    /// The fingerprint as `ssh-keygen -l` shows it.
    fn fingerprint(&self, name: &str) -> String {
        let line = self.keygen_does(&["-l", "-f", name]);
        line.split(' ').nth(1).unwrap().to_owned()
    }

    /// A signature by `ssh-keygen` alone.
    fn signed_by_hand(&self, key: &str, namespace: &str, text: &str) -> String {
        self.write("by-hand", text);
        let _ = std::fs::remove_file(self.path("by-hand.sig"));
        self.keygen_does(&["-q", "-Y", "sign", "-n", namespace, "-f", key, "by-hand"]);
        std::fs::read_to_string(self.path("by-hand.sig")).unwrap()
    }

    fn signed(&self, key: &str, ballot: &Ballot) -> SignedBallot {
        let signature = self.signed_by_hand(key, Ballot::NAMESPACE, &ballot.text());
        read_answer(&answer_text(ballot, &signature)).unwrap()
    }

    /// Whose a ballot is, where the signers' file has not changed since.
    fn verify(&self, signed: &SignedBallot, signers: &str) -> Result<Principal, NotSigned> {
        self.verify_both(signed, signers, signers)
    }

    fn verify_both(
        &self,
        signed: &SignedBallot,
        frozen: &str,
        now: &str,
    ) -> Result<Principal, NotSigned> {
        let trusted = Trusted {
            frozen,
            now: &self.write("allowed_signers", now),
            revoked: None,
        };
        keygen().verify(signed, &trusted, at())
    }
}

/// What the program starts; without an agent or a home.
fn keygen() -> Keygen {
    let path = std::env::var_os("PATH").unwrap();
    Keygen::with([(OsString::from("PATH"), path)])
}

fn at() -> Timestamp {
    "2026-11-20T20:00:00.5Z".parse().unwrap()
}

fn person(text: &str) -> Principal {
    text.parse().unwrap()
}

fn request() -> ApprovalRequest {
    let run = "db-failover-20261120T195359Z-7k3f".parse().unwrap();
    let environment = "production".parse().unwrap();
    let step = StepKey::from_text("failover");
    let mut gate = GateOpened {
        confirm: "Promote replica-2?".to_owned(),
        challenge: Some("orders".to_owned()),
        show: Vec::new(),
        works: Vec::new(),
        effect: Effect::Destructive,
        approvals: None,
        waived: None,
        expires: Expires::default(),
        turn: 0,
        digest: Digest::ZERO,
    };
    gate.digest = gate
        .bound(&run, &environment, &step, Attempt::FIRST)
        .unwrap();
    ApprovalRequest {
        run,
        title: "Fail over".to_owned(),
        step,
        attempt: Attempt::FIRST,
        environment,
        requester: Person {
            user: "bo".to_owned(),
            uid: 1000,
            login_uid: Some(1000),
            host: "db-ops".to_owned(),
            terminal: None,
        },
        gate,
        head: HeadRef {
            seq: 7,
            h: Digest::of(b"the record that opened the gate"),
        },
        expires: "2026-11-20T20:30:00Z".parse().unwrap(),
    }
}

fn ballot() -> Ballot {
    request().ballot(Vote::Approve, Some("seen the lag"))
}

#[test]
fn what_ssh_keygen_signs_counts_and_names_the_person() {
    let keys = Keys::new();
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let ana = keys.make_of(kind, kind);
        let signed = keys.signed(kind, &ballot());
        let signers = format!("# on call\n\nana@example.org {ana} laptop\n");
        assert_eq!(
            keys.verify(&signed, &signers),
            Ok(person("ana@example.org")),
            "{kind}"
        );
    }
}

#[test]
fn what_we_sign_is_good_for_ssh_keygen() {
    let keys = Keys::new();
    let ana = keys.make("ana");
    let given = keys.path("ana");
    let wanted = WantedKey {
        given: Some(&given),
        ..WantedKey::default()
    };
    let text = ballot().text();
    let sealed = keygen().sign(&text, &find_key(&wanted).unwrap()).unwrap();
    assert_eq!(sealed.key, keys.fingerprint("ana"));
    keys.write("sealed.sig", &sealed.signature);
    keys.write(
        "signers",
        &format!("ana namespaces=\"approve@runbook\" {ana}\n"),
    );
    let ballot = keys.write("ballot", &text);
    let checked = keys
        .keygen(&["-Y", "verify", "-n", "approve@runbook", "-I", "ana"])
        .args(["-f", "signers", "-s", "sealed.sig"])
        .stdin(std::fs::File::open(ballot).unwrap())
        .output()
        .unwrap();
    assert!(checked.status.success(), "{checked:?}");
}

#[test]
fn fingerprints_are_those_of_ssh_keygen() {
    let keys = Keys::new();
    keys.make("ca");
    for kind in ["ed25519", "ecdsa", "rsa"] {
        keys.make_of(kind, kind);
        let pub_name = format!("{kind}.pub");
        keys.keygen_does(&["-q", "-s", "ca", "-I", "x", "-n", "ana", &pub_name]);
        for key in [kind.to_owned(), format!("{kind}-cert.pub")] {
            let signature = keys.signed_by_hand(&key, "approve@runbook", "text");
            let read = Signature::read(&signature).unwrap();
            assert_eq!(read.fingerprint(), keys.fingerprint(&key), "{key}");
            assert_eq!(read.is_certified(), key.ends_with("-cert.pub"));
            assert_eq!(read.namespace(), "approve@runbook");
        }
    }
}

#[test]
fn threat_49_two_keys_of_one_person_are_one_person() {
    let keys = Keys::new();
    let (laptop, token) = (keys.make("laptop"), keys.make("token"));
    let signers = format!("ana {laptop}\nana,anna@example.org {token}\n");
    for key in ["laptop", "token"] {
        let signed = keys.signed(key, &ballot());
        assert_eq!(keys.verify(&signed, &signers), Ok(person("ana")), "{key}");
    }
}

#[test]
fn a_key_that_several_share_is_always_the_same_person() {
    let keys = Keys::new();
    let shared = keys.make("shared");
    let signed = keys.signed("shared", &ballot());
    let (first, second) = (format!("bo,ana {shared}\n"), format!("ana,bo {shared}\n"));
    assert_eq!(keys.verify(&signed, &first), Ok(person("bo")));
    assert_eq!(keys.verify_both(&signed, &first, &second), Ok(person("bo")));
    // Who was taken out is nobody any more, and who is left is.
    let left = format!("ana {shared}\n");
    assert_eq!(keys.verify_both(&signed, &first, &left), Ok(person("ana")));
}

#[test]
fn a_line_for_other_purposes_does_not_hide_the_one_that_counts() {
    let keys = Keys::new();
    let ana = keys.make("ana");
    let signed = keys.signed("ana", &ballot());
    let signers = format!("ana@git namespaces=\"git\" {ana}\nana namespaces=\"*@runbook\" {ana}\n");
    assert_eq!(keys.verify(&signed, &signers), Ok(person("ana")));
}

#[test]
fn threat_49_a_signature_for_another_purpose_is_refused() {
    let keys = Keys::new();
    let ana = keys.make("ana");
    let signers = format!("ana {ana}\n");
    let signature = keys.signed_by_hand("ana", "git", &ballot().text());
    let signed = read_answer(&answer_text(&ballot(), &signature)).unwrap();
    assert_eq!(
        keys.verify(&signed, &signers),
        Err(NotSigned::Namespace("git".to_owned()))
    );
    // The other way round: a key that may sign something else only.
    let signed = keys.signed("ana", &ballot());
    refused(
        keys.verify(&signed, &format!("ana namespaces=\"git\" {ana}\n")),
        Which::Frozen,
        "namespace",
    );
}

#[track_caller]
fn refused(verdict: Result<Principal, NotSigned>, by: Which, words: &str) {
    match verdict {
        Err(NotSigned::Refused { which, said }) => {
            assert_eq!(which, by, "{said}");
            assert!(said.contains(words), "no `{words}` in `{said}`");
            assert!(!said.contains('/'), "a private path in `{said}`");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn threat_49_one_byte_of_the_ballot_changed_and_the_signature_is_none() {
    let keys = Keys::new();
    let signers = format!("ana {}\n", keys.make("ana"));
    let signed = keys.signed("ana", &ballot());
    let mut others = vec![ballot(); 9];
    others[0].vote = Vote::Decline;
    others[1].run = "db-failover-20261120T195359Z-7k3g".parse().unwrap();
    others[2].step = StepKey::from_text("failover2");
    others[3].attempt = Attempt(2);
    others[4].environment = "staging".parse().unwrap();
    others[5].gate = Digest::of(b"another gate");
    others[6].head.seq = 8;
    others[7].expires = "2026-11-20T20:30:01Z".parse().unwrap();
    others[8].reason = None;
    for ballot in others {
        let changed = SignedBallot {
            ballot,
            ..signed.clone()
        };
        let verdict = keys.verify(&changed, &signers);
        assert!(
            matches!(verdict, Err(NotSigned::OtherText(_))),
            "{changed:?}: {verdict:?}"
        );
        assert!(
            keygen()
                .verify_recorded(&changed, &person("ana"), &signers, at())
                .is_err()
        );
    }
}

#[test]
fn threat_49_a_key_counts_only_in_its_time() {
    let keys = Keys::new();
    let ana = keys.make("ana");
    let signed = keys.signed("ana", &ballot());
    let line = |options: &str| format!("ana {options} {ana}\n");
    let over = line("valid-before=\"20261120195959Z\"");
    refused(keys.verify(&signed, &over), Which::Frozen, "expired");
    let early = line("valid-after=\"20261120200001Z\"");
    refused(keys.verify(&signed, &early), Which::Frozen, "not yet valid");
    // Times without a zone are UTC, wherever that is read.
    let within = line("valid-after=\"20261120200000\",valid-before=\"20261120200001\"");
    assert_eq!(keys.verify(&signed, &within), Ok(person("ana")));
    // A date that was set since then counts too.
    let open = line("namespaces=\"approve@runbook\"");
    refused(
        keys.verify_both(&signed, &open, &over),
        Which::Now,
        "expired",
    );
}

#[test]
fn threat_49_a_revoked_key_is_refused_and_what_it_signed_before_stays_proven() {
    let keys = Keys::new();
    let (ana, bo) = (keys.make("ana"), keys.make("bo"));
    let signers = format!("ana {ana}\nbo {bo}\n");
    let now = keys.write("allowed_signers", &signers);
    let signed = keys.signed("ana", &ballot());
    let listed = keys.write("revoked", &format!("{ana}\n"));
    keys.keygen_does(&["-q", "-k", "-f", "krl", "ana.pub"]);
    for list in [listed, keys.path("krl")] {
        let trusted = Trusted {
            frozen: &signers,
            now: &now,
            revoked: Some(&list),
        };
        assert_eq!(
            keygen().verify(&signed, &trusted, at()),
            Err(NotSigned::Revoked(keys.fingerprint("ana")))
        );
        let by_bo = keys.signed("bo", &ballot());
        assert_eq!(keygen().verify(&by_bo, &trusted, at()), Ok(person("bo")));
    }
    let recorded = keygen().verify_recorded(&signed, &person("ana"), &signers, at());
    assert_eq!(recorded, Ok(()));
    // A list that is named and is not there revokes nobody, so nobody counts.
    let trusted = Trusted {
        frozen: &signers,
        now: &now,
        revoked: Some(Path::new("/nonexistent/revoked")),
    };
    let verdict = keygen().verify(&signed, &trusted, at());
    let missing = matches!(
        verdict,
        Err(NotSigned::Unreadable {
            which: Which::Revoked,
            ..
        })
    );
    assert!(missing, "{verdict:?}");
}

#[test]
fn threat_49_a_key_must_stand_in_the_frozen_file_and_in_todays() {
    let keys = Keys::new();
    let (ana, bo) = (keys.make("ana"), keys.make("bo"));
    let signed = keys.signed("ana", &ballot());
    let key = keys.fingerprint("ana");
    let (both, without) = (format!("bo {bo}\nana {ana}\n"), format!("bo {bo}\n"));
    let unknown = |which| {
        Err(NotSigned::Unknown {
            key: key.clone(),
            which,
        })
    };
    assert_eq!(
        keys.verify_both(&signed, &both, &without),
        unknown(Which::Now)
    );
    assert_eq!(
        keys.verify_both(&signed, &without, &both),
        unknown(Which::Frozen)
    );
    assert_eq!(keys.verify(&signed, &without), unknown(Which::Frozen));
    // Moved to another's name since then: it is nobody's.
    let moved = format!("bo {ana}\n");
    refused(keys.verify_both(&signed, &both, &moved), Which::Now, "");
}

#[test]
fn a_key_under_no_persons_name_is_refused() {
    let keys = Keys::new();
    let ana = keys.make("ana");
    let signed = keys.signed("ana", &ballot());
    for names in ["*", "*@example.org", "!bo,*", "-f"] {
        let verdict = keys.verify(&signed, &format!("{names} {ana}\n"));
        assert!(
            matches!(verdict, Err(NotSigned::Nameless { .. })),
            "{names}: {verdict:?}"
        );
    }
}

#[test]
fn a_certificate_counts_for_the_person_that_it_names() {
    let keys = Keys::new();
    let ca = keys.make("ca");
    keys.make("ana");
    keys.keygen_does(&[
        "-q",
        "-s",
        "ca",
        "-I",
        "x",
        "-n",
        "ana@example.org",
        "ana.pub",
    ]);
    let signed = keys.signed("ana-cert.pub", &ballot());
    let signers = format!("*@example.org cert-authority {ca}\n");
    assert_eq!(
        keys.verify(&signed, &signers),
        Ok(person("ana@example.org"))
    );
    let recorded = keygen().verify_recorded(&signed, &person("bo@example.org"), &signers, at());
    assert!(matches!(recorded, Err(NotSigned::Refused { .. })));
    let elsewhere = format!("*@example.com cert-authority {ca}\n");
    assert!(keys.verify(&signed, &elsewhere).is_err());
    // What only signs cannot certify.
    assert!(
        keys.verify(&signed, &format!("ana@example.org {ca}\n"))
            .is_err()
    );
}

#[test]
fn a_recorded_ballot_is_that_of_the_person_who_is_said_to_have_cast_it() {
    let keys = Keys::new();
    let (ana, bo) = (keys.make("ana"), keys.make("bo"));
    let signers = format!("ana {ana}\nbo {bo}\n");
    let signed = keys.signed("ana", &ballot());
    let recorded = |name| keygen().verify_recorded(&signed, &person(name), &signers, at());
    assert_eq!(recorded("ana"), Ok(()));
    assert!(matches!(recorded("bo"), Err(NotSigned::Refused { .. })));
    let claimed = SignedBallot {
        key: keys.fingerprint("bo"),
        ..signed.clone()
    };
    let verdict = keygen().verify_recorded(&claimed, &person("ana"), &signers, at());
    assert!(matches!(verdict, Err(NotSigned::OtherKey { .. })));
}

#[test]
fn a_truncated_signature_is_refused_wherever_it_is_cut() {
    let keys = Keys::new();
    let signers = format!("ana {}\n", keys.make("ana"));
    let signed = keys.signed("ana", &ballot());
    for end in 0..signed.signature.len() {
        let cut = SignedBallot {
            signature: signed.signature[..end].to_owned(),
            ..signed.clone()
        };
        let verdict = keys.verify(&cut, &signers);
        assert!(
            matches!(verdict, Err(NotSigned::Form(_))),
            "{end}: {verdict:?}"
        );
        let answer = format!("{}{}", signed.ballot.text(), cut.signature);
        // All but the last line's end is a whole answer.
        assert_eq!(
            read_answer(&answer).is_ok(),
            end + 1 == signed.signature.len(),
            "{end}"
        );
    }
}

#[test]
fn a_broken_signers_file_is_said_with_its_line() {
    let keys = Keys::new();
    let good = format!("ana {}\n", keys.make("ana"));
    let signed = keys.signed("ana", &ballot());
    let verdict = keys.verify_both(&signed, &good, &format!("{good}bo\n"));
    let Err(error @ NotSigned::Signers(Which::Now, _)) = verdict else {
        panic!("{verdict:?}");
    };
    assert!(
        error
            .to_string()
            .contains("as it is now cannot be read: line 2: ")
    );
}

#[test]
fn without_ssh_keygen_it_is_said_what_to_install() {
    let keys = Keys::new();
    let signers = format!("ana {}\n", keys.make("ana"));
    let signed = keys.signed("ana", &ballot());
    let nowhere = Keygen::with([(OsString::from("PATH"), keys.path("empty").into())]);
    let error = nowhere
        .verify_recorded(&signed, &person("ana"), &signers, at())
        .unwrap_err();
    assert_eq!(error, NotSigned::NotAsked(KeygenError::Missing));
    assert!(error.is_undecided());
    assert!(error.to_string().contains("apt install openssh-client"));
}

#[test]
fn an_old_ssh_keygen_is_told_from_a_wrong_signature() {
    use std::os::unix::fs::PermissionsExt;
    let keys = Keys::new();
    let signers = format!("ana {}\n", keys.make("ana"));
    let signed = keys.signed("ana", &ballot());
    let old = "#!/bin/sh\necho 'ssh-keygen: unknown option -- Y' >&2\nexit 1\n";
    let program = keys.write("ssh-keygen", old);
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let keygen = Keygen::with([(OsString::from("PATH"), keys.dir.path().into())]);
    let error = keygen
        .verify_recorded(&signed, &person("ana"), &signers, at())
        .unwrap_err();
    assert!(error.is_undecided(), "{error:?}");
    assert!(error.to_string().contains("OpenSSH 8.7"), "{error}");
}

#[test]
fn the_key_is_the_named_one_or_a_usual_one_or_an_agents() {
    let keys = Keys::new();
    let home = keys.path("home");
    std::fs::create_dir_all(home.join(".ssh")).unwrap();
    let (given, other) = (keys.write("given", ""), keys.write("other", ""));
    let wanted = |given, variable| {
        let home = Some(home.as_path());
        let found = find_key(&WantedKey {
            given,
            variable,
            home,
        });
        found.map(|key| format!("{key:?}"))
    };
    let key = |name: &str| format!("Key({:?})", keys.path(name));
    assert!(wanted(None, None).is_err());
    std::fs::write(home.join(".ssh/id_rsa.pub"), "").unwrap();
    assert_eq!(wanted(None, None), Ok(key("home/.ssh/id_rsa.pub")));
    std::fs::write(home.join(".ssh/id_ed25519"), "").unwrap();
    assert_eq!(wanted(None, None), Ok(key("home/.ssh/id_ed25519")));
    let variable = Some(other.as_os_str());
    assert_eq!(wanted(None, variable), Ok(key("other")));
    assert_eq!(wanted(Some(&given), variable), Ok(key("given")));
    // What was named and is not there is not replaced by another.
    assert!(wanted(Some(&keys.path("none")), None).is_err());
}

#[test]
fn what_is_read_of_a_signers_file_is_what_ssh_keygen_reads() {
    let keys = Keys::new();
    let (ana, bo) = (keys.make("ana"), keys.make("bo"));
    let signed = keys.signed("ana", &ballot());
    keys.write("signature", &signed.signature);
    let text = keys.write("ballot", &signed.ballot.text());
    let cut = &bo[..bo.len() - 4];
    let lines = [
        format!("ana {bo}"),
        format!("ana,li,*@example.org,!x {bo} bo@laptop, since March"),
        format!(" \tana\t{bo}"),
        format!("\"ana\" {bo}"),
        format!("ana cert-authority {bo}"),
        format!("ana CERT-AUTHORITY,Namespaces=\"a,b\" {bo}"),
        format!("ana namespaces=\"a b\" {bo}"),
        format!("ana valid-after=\"20260101\",valid-before=\"20260102030405Z\" {bo}"),
        "# a comment".to_owned(),
        "   ".to_owned(),
        "ana".to_owned(),
        format!("ana {cut}"),
        format!("ana namespaces=a {bo}"),
        format!("ana namespaces=\"a {bo}"),
        format!("ana namespaces=\"a\",namespaces=\"b\" {bo}"),
        format!("ana valid-after=\"20260102\",valid-before=\"20260101\" {bo}"),
        format!("ana valid-after=\"2026\" {bo}"),
        format!("ana frobnicate {bo}"),
    ];
    for line in lines {
        // It says which lines it cannot read, and goes on behind them.
        let signers = format!("{line}\nana {ana}\n");
        keys.write("signers", &signers);
        let checked = keys
            .keygen(&["-Y", "verify", "-n", "approve@runbook", "-I", "ana"])
            .args(["-f", "signers", "-s", "signature"])
            .env("TZ", "UTC0")
            .stdin(std::fs::File::open(&text).unwrap())
            .output()
            .unwrap();
        assert!(checked.status.success(), "{line}: {checked:?}");
        let ours = AllowedSigners::read(&signers);
        assert_eq!(
            ours.is_ok(),
            checked.stderr.is_empty(),
            "{line}: {ours:?} {checked:?}"
        );
    }
}

/// An agent that ends with the test.
struct Agent(std::process::Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn an_agent_signs_where_only_the_public_half_is_here() {
    use std::io::{BufRead, BufReader};
    let keys = Keys::new();
    let signers = format!("ana {}\n", keys.make("ana"));
    let socket = keys.path("agent");
    let mut agent = Command::new("ssh-agent")
        .args(["-D", "-a"])
        .arg(&socket)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(agent.stdout.take().unwrap());
    let _agent = Agent(agent);
    // It says where it listens once it does.
    said.read_line(&mut String::new()).unwrap();
    let added = Command::new("ssh-add")
        .arg("-q")
        .arg(keys.path("ana"))
        .env("SSH_AUTH_SOCK", &socket)
        .status()
        .unwrap();
    assert!(added.success());
    std::fs::remove_file(keys.path("ana")).unwrap();
    let given = keys.path("ana");
    let key = find_key(&WantedKey {
        given: Some(&given),
        ..WantedKey::default()
    })
    .unwrap();
    let path = (OsString::from("PATH"), std::env::var_os("PATH").unwrap());
    let with_agent = Keygen::with([path, ("SSH_AUTH_SOCK".into(), socket.into())]);
    let sealed = with_agent.sign(&ballot().text(), &key).unwrap();
    let signed = read_answer(&answer_text(&ballot(), &sealed.signature)).unwrap();
    assert_eq!(keys.verify(&signed, &signers), Ok(person("ana")));
    // Without it there is nothing to sign with.
    assert!(keygen().sign(&ballot().text(), &key).is_err());
}
