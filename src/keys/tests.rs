//! What may be pasted, sent and written by hand: read whole, or refused in words.

use proptest::prelude::*;

use super::*;
use crate::model::approval::{Ballot, HeadRef, Vote};
use crate::model::call::{Command, Process, Shell, Work};
use crate::model::gate::{Expires, GateOpened};
use crate::model::ids::{Attempt, StepKey};
use crate::model::people::Person;
use crate::model::{Digest, Effect, Value};

/// A signature that `ssh-keygen` made; nothing here asks whether it is right.
const ARMORED: &str = "-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgTkF5UPgBV7CAfcF8QCZhL4l3+z
bVQhfjbmUnMMsHQFgAAAAPYXBwcm92ZUBydW5ib29rAAAAAAAAAAZzaGE1MTIAAABTAAAA
C3NzaC1lZDI1NTE5AAAAQCpBKaeDzpt2fiUbzbrEclxRi/FqMqRZ8R6eNLKguOKbVbzuZp
y6CJzDcoi0Rd3gHH67naanR/vx6M6AstN2OQQ=
-----END SSH SIGNATURE-----
";

/// Its key, and what `ssh-keygen -l` says of it.
const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE5BeVD4AVewgH3BfEAmYS+Jd/s21UIX425lJzDLB0BY";
const FINGERPRINT: &str = "SHA256:o3y9l3d2DbfHYE26Hdpft4Obyb2DIO9DwYfhx5e8Vlg";

fn request() -> ApprovalRequest {
    let run = "db-failover-20261120T195359Z-7k3f".parse().unwrap();
    let environment = "production".parse().unwrap();
    let step = StepKey::from_text("wave[0]/failover");
    let script = Work::Process(Process {
        command: Command::Script {
            text: "promote replica-2\n".to_owned(),
            shell: Shell::Sh,
        },
        env: indexmap::IndexMap::new(),
        dir: None,
    });
    let mut gate = GateOpened {
        confirm: "Promote replica-2?".to_owned(),
        challenge: Some("orders".to_owned()),
        show: vec![("lag".to_owned(), Value::from("4s"))],
        works: vec![script],
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
            login_uid: None,
            host: "db-ops".to_owned(),
            terminal: None,
        },
        gate,
        head: HeadRef {
            seq: 7,
            h: Digest::of(b"opened"),
        },
        expires: "2026-11-20T20:30:00Z".parse().unwrap(),
    }
}

fn answer() -> String {
    answer_text(&request().ballot(Vote::Approve, Some("seen")), ARMORED)
}

mod answers {
    use super::*;

    #[test]
    fn an_answer_is_read_back() {
        let signed = read_answer(&answer()).unwrap();
        assert_eq!(signed.ballot, request().ballot(Vote::Approve, Some("seen")));
        assert_eq!(signed.signature, ARMORED);
        assert_eq!(signed.key, FINGERPRINT);
        let spaced = format!("\n\n{}\n\n", answer());
        assert_eq!(read_answer(&spaced), Ok(signed));
    }

    #[test]
    fn what_people_paste_around_an_answer_and_what_it_is_indented_by_is_left_out() {
        let whole = answer();
        let signed = read_answer(&whole).unwrap();
        let indented = |by: &str| {
            let lines = whole.lines().map(|line| format!("{by}{line}\n"));
            lines.collect::<String>()
        };
        for pasted in [
            format!("Signed with SHA256:abc. Send back what is below this line.\n\n{whole}"),
            format!("{whole}--\nsent from my phone\n"),
            format!("here it is:\n\n{}\n\nGood night", indented("    ")),
            indented("\t"),
            format!("{whole}   \n"),
        ] {
            assert_eq!(read_answer(&pasted).as_ref(), Ok(&signed), "{pasted}");
        }
    }

    #[test]
    fn what_a_chat_does_to_an_answer_is_said() {
        let says = |text: &str, words: &str| {
            let error = read_answer(text).unwrap_err().to_string();
            assert!(error.contains(words), "no `{words}` in `{error}`");
        };
        let whole = answer();
        says(&whole.replace('\n', "\r\n"), "as on Windows");
        says(
            &whole.replace('\n', "\n> ").replacen("run", "> run", 1),
            "as a quotation",
        );
        says(
            &whole[..whole.find("-----").unwrap()],
            "no signature behind it",
        );
        says(&format!("{whole}{whole}"), "more than one answer");
        says(
            &format!("hello!\n{ARMORED}"),
            "line 1: expected `runbook ballot v1`, found `hello!`",
        );
        says(
            &format!(
                "hello!\n{}",
                whole.replace("vote: approve", "vote: Approve")
            ),
            "line 3: expected `vote:`",
        );
        says(
            &format!("  {}", whole.replace('\n', "\n  ")).replace("attempt: 1", " attempt: 1"),
            "line 5",
        );
        says(&whole.replace("ballot v1", "ballot v2"), "cannot read");
        says(
            &whole.replace("vote: approve", "vote: Approve"),
            "line 2: expected `vote:`",
        );
        says(&whole.replace("attempt: 1", "attempt: 01"), "line 5");
        says(
            &whole.replace("attempt: 1\n", ""),
            "line 5: expected `attempt:`",
        );
        says(
            &whole.replace("vote: approve\n", "vote: approve\nvote: approve\n"),
            "line 3",
        );
        says(
            &whole.replace("reason: seen\n", "reason: seen\nreason: seen\n"),
            "line 11",
        );
        says(
            &whole.replace("reason: seen\n", "reason: seen\n\n"),
            "line 11",
        );
        says(&whole.replace("reason: seen", "note: seen"), "line 10");
        says(&whole.replace("seen\n", "se\u{202e}en\n"), "line 10");
        says(&whole.replace("20:30:00Z", "20:30:00+00:00"), "line 9");
        says(&whole.replace("END SSH", "END"), "does not end");
        says(&whole.replace("U1NI", "U1NJ"), "not whole");
        says(&whole.replace("U1NI", "U1!I"), "do not belong");
        says("", "line 1: `runbook ballot v1` is missing");
        says(&"x".repeat(70_000), "too long");
    }

    #[test]
    fn what_a_person_writes_stays_on_its_line() {
        let ballot = request().ballot(Vote::Decline, Some("no\nvote: approve\u{1b}[2J"));
        let signed = read_answer(&answer_text(&ballot, ARMORED)).unwrap();
        assert_eq!(signed.ballot, ballot);
        assert_eq!(signed.ballot.vote, Vote::Decline);
        assert_eq!(request().ballot(Vote::Approve, Some(" \n ")).reason, None);
    }

    fn ballots() -> impl Strategy<Value = Ballot> {
        let vote = prop_oneof![Just(Vote::Approve), Just(Vote::Decline)];
        let reason = proptest::option::of(any::<String>());
        (
            vote,
            reason,
            any::<u64>(),
            any::<u32>(),
            "[a-z_/\\[\\]\"' ]{1,20}",
            0..4_000_000_000_i64,
        )
            .prop_map(|(vote, reason, seq, attempt, step, expires)| {
                let mut request = request();
                request.head.seq = seq;
                request.attempt = Attempt(attempt);
                request.step = StepKey::from_text(&step);
                request.expires = crate::model::Timestamp::from_millisecond(expires).unwrap();
                request.ballot(vote, reason.as_deref())
            })
    }

    proptest! {
        #[test]
        fn every_ballot_is_read_back_from_what_was_signed(ballot in ballots()) {
            let signed = read_answer(&answer_text(&ballot, ARMORED)).unwrap();
            prop_assert_eq!(&signed.ballot, &ballot);
            prop_assert_eq!(signed.ballot.text(), ballot.text());
        }

        #[test]
        fn what_is_read_is_what_stood_there(at in 0..700_usize, with in any::<char>()) {
            let mut text = answer();
            if text.is_char_boundary(at) && at < text.len() {
                text.replace_range(at..=at, with.encode_utf8(&mut [0; 4]));
            }
            if let Ok(signed) = read_answer(&text) {
                let read = answer_text(&signed.ballot, &signed.signature);
                prop_assert!(text.starts_with(read.trim_end()), "{text}");
            }
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in any::<String>()) {
            let _ = read_answer(&text);
            let _ = read_answer(&format!("runbook ballot v1\n{text}"));
            let _ = Signature::read(&text);
            let _ = ApprovalRequest::read(&text);
            let _ = AllowedSigners::read(&text);
        }
    }
}

mod signatures {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    fn armored(blob: &[u8]) -> String {
        let body = STANDARD.encode(blob);
        format!("-----BEGIN SSH SIGNATURE-----\n{body}\n-----END SSH SIGNATURE-----\n")
    }

    fn blob() -> Vec<u8> {
        let body: String = ARMORED.lines().filter(|l| !l.starts_with('-')).collect();
        STANDARD.decode(body).unwrap()
    }

    #[test]
    fn a_signature_says_whose_it_is_and_for_what() {
        let read = Signature::read(ARMORED).unwrap();
        assert_eq!(read.fingerprint(), FINGERPRINT);
        assert_eq!(read.namespace(), "approve@runbook");
        assert!(!read.is_certified());
        assert_eq!(Signature::read(&armored(&blob())), Ok(read));
    }

    #[test]
    fn a_signature_of_another_form_is_none() {
        let whole = blob();
        for end in 0..whole.len() {
            let cut = Signature::read(&armored(&whole[..end]));
            assert_eq!(cut, Err(NotASignature::Form), "{end}");
        }
        let mut longer = whole.clone();
        longer.push(0);
        assert_eq!(Signature::read(&armored(&longer)), Err(NotASignature::Form));
        let mut newer = whole;
        newer[9] = 2;
        assert_eq!(Signature::read(&armored(&newer)), Err(NotASignature::Form));
        let huge = armored(&vec![b'S'; 20_000]);
        assert_eq!(Signature::read(&huge), Err(NotASignature::TooLong));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Signature::read(&armored(&bytes));
            let mut begun = blob();
            begun.truncate(10);
            begun.extend(bytes);
            let _ = Signature::read(&armored(&begun));
        }

        #[test]
        fn no_certificate_makes_the_reader_panic(bytes in proptest::collection::vec(0..8_u8, 0..90)) {
            let kind = b"ecdsa-sha2-nistp256-cert-v01@openssh.com";
            let mut key = vec![0, 0, 0, u8::try_from(kind.len()).unwrap()];
            key.extend(kind);
            key.extend(bytes);
            let mut begun = blob();
            begun.truncate(10);
            begun.extend(u32::try_from(key.len()).unwrap().to_be_bytes());
            begun.extend(key);
            begun.extend([0; 16]);
            let _ = Signature::read(&armored(&begun));
        }
    }
}

mod requests {
    use super::*;

    #[test]
    fn a_request_is_read_back_from_file_and_code() {
        let request = request();
        let (json, code) = (request.json().unwrap(), request.code().unwrap());
        assert_eq!(ApprovalRequest::read(&json), Ok(request.clone()));
        assert_eq!(
            ApprovalRequest::read(&format!("\n {code} \n")),
            Ok(request.clone())
        );
        assert!(code.starts_with("rb1."));
        assert!(
            code.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        );
        assert!(request.is_real());
    }

    #[test]
    fn threat_50_what_is_shown_is_what_is_signed() {
        let json = request().json().unwrap();
        let changes = [
            ("promote replica-2", "promote replica-1"),
            ("Promote replica-2?", "Promote replica-1?"),
            ("\"orders\"", "\"users\""),
            ("\"4s\"", "\"5s\""),
            ("\"destructive\"", "\"read\""),
            ("\"production\"", "\"sandbox\""),
            ("wave[0]/failover", "wave[1]/failover"),
            ("7k3f", "7k3g"),
            ("\"attempt\":1", "\"attempt\":2"),
        ];
        for (from, to) in changes {
            assert!(json.contains(from), "{from}");
            let read = ApprovalRequest::read(&json.replace(from, to));
            assert!(
                matches!(read, Err(NotARequest::Digest { .. })),
                "{from}: {read:?}"
            );
        }
    }

    #[test]
    fn another_version_is_said_and_a_cut_code_is_refused() {
        let code = request().code().unwrap();
        let read = |text: &str| ApprovalRequest::read(text).unwrap_err();
        assert_eq!(
            read(&code.replace("rb1.", "rb2.")),
            NotARequest::Version("2".to_owned())
        );
        let newer = "{\"version\":7,\"request\":\"of another form\"}";
        assert_eq!(read(newer), NotARequest::Version("7".to_owned()));
        for end in 4..code.len() {
            let error = read(&code[..end]);
            assert!(
                matches!(error, NotARequest::Code | NotARequest::Json(_)),
                "{end}"
            );
        }
        assert_eq!(read(&format!("{code}=")), NotARequest::Code);
        assert_eq!(read(&code.replace("rb1.", "rb1. ")), NotARequest::Code);
        assert!(matches!(read("hello"), NotARequest::Form(_)));
        assert!(matches!(
            read(&"x".repeat(MAX_REQUEST + 1)),
            NotARequest::TooLong(_)
        ));
        let doubled =
            request()
                .json()
                .unwrap()
                .replacen("\"attempt\":1", "\"attempt\":1,\"attempt\":1", 1);
        assert!(matches!(read(&doubled), NotARequest::Json(_)));
        let more =
            request()
                .json()
                .unwrap()
                .replacen("\"attempt\":1", "\"attempt\":1,\"real\":false", 1);
        assert!(matches!(read(&more), NotARequest::Json(_)));
    }

    #[test]
    fn a_gate_that_fits_a_record_fits_a_request() {
        let mut request = request();
        request.gate.confirm = "x".repeat(62 * 1024);
        request.gate.digest = request
            .gate
            .bound(
                &request.run,
                &request.environment,
                &request.step,
                request.attempt,
            )
            .unwrap();
        let code = request.code().unwrap();
        assert_eq!(ApprovalRequest::read(&code), Ok(request));
    }
}

mod subjects {
    use super::*;

    #[test]
    fn threat_49_a_ballot_about_anything_else_says_nothing() {
        let request = request();
        let ballot = request.ballot(Vote::Approve, None);
        let at = "2026-11-20T20:00:00Z".parse().unwrap();
        assert_eq!(request.subject().admits(&ballot, at), Ok(()));
        let changes: [(&str, fn(&mut Ballot)); 7] = [
            ("run", |b| {
                b.run = "db-failover-20261120T195359Z-7k3g".parse().unwrap()
            }),
            ("step", |b| b.step = StepKey::from_text("wave[1]/failover")),
            ("attempt", |b| b.attempt = Attempt(2)),
            ("environment", |b| {
                b.environment = "staging".parse().unwrap()
            }),
            ("gate", |b| b.gate = Digest::of(b"another")),
            ("opening of the gate", |b| b.head.seq = 8),
            ("opening of the gate", |b| b.head.h = Digest::of(b"another")),
        ];
        for (expected, change) in changes {
            let mut other = ballot.clone();
            change(&mut other);
            match request.subject().admits(&other, at) {
                Err(OtherSubject::Other { what, .. }) => assert_eq!(what, expected),
                other => panic!("{expected}: {other:?}"),
            }
        }
        let late = "2026-11-20T20:30:00.001Z".parse().unwrap();
        assert_eq!(
            request.subject().admits(&ballot, late),
            Err(OtherSubject::Expired(request.expires))
        );
        assert_eq!(request.subject().admits(&ballot, request.expires), Ok(()));
    }

    #[test]
    fn a_step_whose_item_has_control_characters_can_be_voted_about() {
        let mut request = request();
        request.step = StepKey::from_text("wave[a\tb]");
        let text = answer_text(&request.ballot(Vote::Approve, None), ARMORED);
        let signed = read_answer(&text).unwrap();
        let at = request.expires;
        assert_eq!(request.subject().admits(&signed.ballot, at), Ok(()));
    }
}

mod allowed {
    use super::*;

    fn reads(line: &str) -> Signer {
        AllowedSigners::read(line).unwrap().signers.remove(0)
    }

    #[test]
    fn a_line_names_people_and_what_their_key_is_for() {
        let plain = reads(&format!("ana,ana@example.org {KEY} ana@laptop since 2024"));
        assert_eq!(plain.principals, ["ana", "ana@example.org"]);
        assert_eq!((plain.certifies, &plain.namespaces), (false, &None));
        let signature = Signature::read(ARMORED).unwrap();
        assert_eq!(plain.key, signature.public_key());
        let full = reads(&format!(
            "\"ana\" Namespaces=\"git,*@runbook\",cert-authority,valid-after=\"20260102\",VALID-BEFORE=\"202601020304Z\"\t{KEY}"
        ));
        assert_eq!(full.principals, ["ana"]);
        assert!(full.certifies);
        assert_eq!(full.namespaces.unwrap(), ["git", "*@runbook"]);
        assert_eq!(
            full.valid_after.unwrap().to_string(),
            "2026-01-02T00:00:00Z"
        );
        assert_eq!(
            full.valid_before.unwrap().to_string(),
            "2026-01-02T03:04:00Z"
        );
    }

    #[test]
    fn everybody_who_is_named_is_named_in_order() {
        let text =
            format!("# on call\n\nbo {KEY}\n  \n*@x,!li,ana {KEY}\n*@y cert-authority {KEY}\n");
        let read = AllowedSigners::read(&text).unwrap();
        let names: Vec<String> = read.names().map(|name| name.to_string()).collect();
        assert_eq!(names, ["bo", "ana"]);
        let lines: Vec<usize> = read.signers.iter().map(|signer| signer.line).collect();
        assert_eq!(lines, [3, 5, 6]);
        assert_eq!(read.of_key(&read.signers[0].key).count(), 2);
        assert_eq!(AllowedSigners::read("").unwrap().names().count(), 0);
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        let says = |line: &str, words: &str| {
            let error = AllowedSigners::read(&format!("# first\n{line}")).unwrap_err();
            let text = error.to_string();
            assert!(
                text.starts_with("line 2: ") && text.contains(words),
                "{text}"
            );
        };
        let cut = &KEY[..KEY.len() - 4];
        says("ana", "the key is missing");
        says(KEY, "whose it is");
        says("ana ssh-ed25519", "not whole");
        says("ana ssh-dss AAAA", "`ssh-dss` is no option");
        says(&format!("ana {cut}"), "not whole");
        says(
            &format!("ana {}", KEY.replace("ssh-ed25519", "ssh-rsa")),
            "of type ssh-ed25519",
        );
        says(&format!("ana,,bo {KEY}"), "empty name");
        says(
            &format!("ana namespace=\"git\" {KEY}"),
            "`namespace` is no option",
        );
        says(&format!("ana namespaces=git {KEY}"), "namespaces=\"…\"");
        says(
            &format!("ana namespaces=\"a\",namespaces=\"b\" {KEY}"),
            "stands twice",
        );
        says(&format!("ana namespaces=\"git {KEY}"), "not closed");
        says(
            &format!("ana valid-after=\"2026\" {KEY}"),
            "`2026` is no time",
        );
        says(&format!("ana valid-after=\"20261301\" {KEY}"), "no time");
        says(
            &format!("ana valid-after=\"20260102\",valid-before=\"20260102\" {KEY}"),
            "never counts",
        );
        says(&format!("ana {KEY}\r\n"), "Windows");
    }

    proptest! {
        #[test]
        fn no_line_makes_the_reader_panic(
            options in "[a-z=\",\\- 0-9Z]{0,40}",
            key in "[A-Za-z0-9+/=]{0,20}",
        ) {
            let _ = AllowedSigners::read(&format!("ana {options} ssh-ed25519 AAAAC3Nz{key}"));
        }
    }
}
