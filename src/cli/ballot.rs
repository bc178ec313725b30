//! An approver's own machine: a request is shown, decided at the terminal, and signed.
//!
//! It knows nothing of the run and reaches nothing but the key. What is printed goes back to whoever
//! asked, by whatever way it came.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::context::Context;
use super::exit::{CliError, Exit};
use crate::engine::Terminal;
use crate::keys::{
    ApprovalRequest, Keygen, MAX_REQUEST, NotARequest, WantedKey, answer_text, find_key,
};
use crate::model::Timestamp;
use crate::model::approval::{Ballot, Vote};
use crate::model::gate::GateOpened;
use crate::model::text::escape_controls;
use crate::report;

/// What is signed, and how.
#[derive(Clone, Debug)]
pub struct SignArgs {
    /// The request: a file, `-` for standard input, or a code.
    pub request: String,
    /// Whether it is a no.
    pub decline: bool,
    /// Why, in the approver's words.
    pub reason: Option<String>,
    /// The key; found where it is left out.
    pub key: Option<PathBuf>,
    /// Only prints what is to be signed, for whoever signs by hand.
    pub text: bool,
}

/// Shows a request, asks the person at the terminal, and prints their signed ballot.
///
/// # Errors
/// The request cannot be believed or is too late, nobody can be asked, or nothing was signed.
pub fn sign_request(context: &Context, args: &SignArgs) -> Result<Exit, CliError> {
    let request = ApprovalRequest::read(&received(&args.request)?).map_err(unbelievable)?;
    let vote = if args.decline {
        Vote::Decline
    } else {
        Vote::Approve
    };
    in_time(&request, Timestamp::now())?;
    let ballot = request.ballot(vote, args.reason.as_deref());
    let screen = &context.screen;
    let zone = jiff::tz::TimeZone::system();
    screen.say(&report::request(&request, vote, &screen.err, &zone));
    if args.text {
        screen.say(&by_hand());
        screen.print(&ballot.text());
        return Ok(Exit::Done);
    }
    let key = find_key(&WantedKey {
        given: args.key.as_deref(),
        variable: context.surroundings.var("RUNBOOK_SSH_KEY"),
        home: context.surroundings.home.as_deref(),
    })
    .map_err(|error| unsigned(&error))?;
    if decided(&request, vote)? == Said::Leave {
        screen.say("nothing was signed");
        return Ok(Exit::Refused);
    }
    let sealed = Keygen::of_this_process()
        .sign(&ballot.text(), &key)
        .map_err(|error| unsigned(&error))?;
    screen.say(&format!(
        "\nSigned with {}. Send back what is below this line; they hand it in with `runbook {} {} --signed -`.\n",
        sealed.key, vote.word(), request.run
    ));
    screen.print(&answer_text(&ballot, &sealed.signature));
    Ok(Exit::Done)
}

/// The request's text, from wherever it comes.
fn received(named: &str) -> Result<String, CliError> {
    if is_code(named) {
        return Ok(named.to_owned());
    }
    let unreadable = |why: String| {
        CliError::usage_help(
            format!(
                "the request {} cannot be read: {why}",
                escape_controls(named)
            ),
            "give the file that you were sent, the code that begins with `rb1.`, or `-` and paste it",
        )
    };
    let mut text = String::new();
    // One more than the most: what is longer is said to be, and never cut.
    let most = MAX_REQUEST as u64 + 1;
    let read = if named == "-" {
        std::io::stdin().lock().take(most).read_to_string(&mut text)
    } else {
        let path = Path::new(named);
        if path.is_dir() {
            return Err(unreadable("it is a directory".to_owned()));
        }
        std::fs::File::open(path).and_then(|file| file.take(most).read_to_string(&mut text))
    };
    read.map_err(|error| unreadable(error.to_string()))?;
    Ok(text)
}

/// Whether a word is meant as a code and not as a file, of whatever version.
fn is_code(named: &str) -> bool {
    let version = named
        .strip_prefix("rb")
        .and_then(|rest| rest.split_once('.'));
    version.is_some_and(|(version, code)| {
        !version.is_empty()
            && version.bytes().all(|b| b.is_ascii_digit())
            && !code.contains(['/', '.'])
    })
}

fn unbelievable(error: NotARequest) -> CliError {
    match error {
        NotARequest::Digest { .. } => CliError::Refused {
            message: error.to_string(),
            help: vec!["ask them for a new request, by another way".to_owned()],
        },
        error => CliError::usage(error.to_string()),
    }
}

/// In the sandbox time is simulated: there the run alone knows whether it is too late.
fn in_time(request: &ApprovalRequest, now: Timestamp) -> Result<(), CliError> {
    if request.is_real() && now > request.expires {
        return Err(CliError::Refused {
            message: format!(
                "the request expired at {}: an answer to it does not count any more",
                request.expires
            ),
            help: vec!["ask them for a new one".to_owned()],
        });
    }
    Ok(())
}

fn unsigned(error: &crate::keys::NotSealed) -> CliError {
    CliError::Refused {
        message: error.to_string(),
        help: vec![error.hint()],
    }
}

fn by_hand() -> String {
    format!(
        "\nThis is what is to be signed, byte for byte. In a file `ballot`:\n  ssh-keygen -Y sign -n {} \
         -f KEY ballot\nThen send back both, the text first: cat ballot ballot.sig\n",
        Ballot::NAMESPACE
    )
}

/// Asks at the terminal until they say it or leave it.
fn decided(request: &ApprovalRequest, vote: Vote) -> Result<Said, CliError> {
    let nobody = |message: &str| CliError::Refused {
        message: message.to_owned(),
        help: vec!["sign at a terminal, or add --text and sign what is printed by hand".to_owned()],
    };
    let terminal = Terminal::open().ok_or_else(|| {
        nobody("nobody can be asked: this process has no terminal, and nothing is signed unseen")
    })?;
    let cursor = if request.is_real() {
        format!("REAL {} > ", request.environment)
    } else {
        "> ".to_owned()
    };
    let challenge = challenge(&request.gate, vote);
    let mut text = format!("\n{}\n", asked(challenge, vote));
    loop {
        let typed = terminal
            .line(&format!("{text}{cursor}"))
            .ok_or_else(|| nobody("the terminal is gone, and nothing was signed"))?;
        match read(challenge, &typed) {
            Ok(said) => return Ok(said),
            Err(message) => text = format!("{message}\n"),
        }
    }
}

/// What must be typed, where a key is not enough: to say no is always easy.
pub(super) fn challenge(gate: &GateOpened, vote: Vote) -> Option<&str> {
    let target = gate.challenge.as_deref();
    target.filter(|_| vote == Vote::Approve).map(str::trim)
}

/// What can be said.
pub(super) fn asked(challenge: Option<&str>, vote: Vote) -> String {
    match (challenge, vote) {
        (Some(target), _) => format!(
            "To approve, type the name of the target: {} (n to leave it)",
            escape_controls(target)
        ),
        (None, Vote::Approve) => "y approve · n leave it (nothing is said)".to_owned(),
        (None, Vote::Decline) => {
            "Declining is final. y decline · n leave it (nothing is said)".to_owned()
        }
    }
}

/// What a person says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// They say what they came to say.
    Yes,
    /// They leave it as it is.
    Leave,
}

/// Reads a typed line; where it says neither, what to say before asking again.
pub(super) fn read(challenge: Option<&str>, typed: &str) -> Result<Said, String> {
    let typed = typed.trim();
    match challenge {
        // The target's name first: it may be called `n`.
        Some(target) if typed == target => Ok(Said::Yes),
        None if ["y", "yes"].contains(&typed) => Ok(Said::Yes),
        _ if ["n", "no"].contains(&typed) => Ok(Said::Leave),
        Some(target) => Err(format!(
            "that is not the target's name: type {} exactly, or n",
            escape_controls(target)
        )),
        None => Err("type y or n".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_targets_name_approves_where_one_is_asked() {
        assert_eq!(read(Some("orders"), "orders\n"), Ok(Said::Yes));
        for typed in ["y", "yes", "order", "ORDERS", "", "orders users"] {
            assert!(read(Some("orders"), typed).is_err(), "{typed}");
        }
        assert_eq!(read(Some("orders"), "n\n"), Ok(Said::Leave));
        assert_eq!(read(Some("n"), "n\n"), Ok(Said::Yes));
        assert_eq!(read(None, " y \n"), Ok(Said::Yes));
        assert_eq!(read(None, "no\n"), Ok(Said::Leave));
        assert!(read(None, "").is_err());
    }

    #[test]
    fn a_code_is_told_from_a_file() {
        assert!(is_code("rb1.eyJ2ZXJz"));
        assert!(is_code("rb12.x"));
        for file in [
            "request.json",
            "rb.json",
            "rb1",
            "-",
            "rb1.d/request",
            "rb1.x.json",
        ] {
            assert!(!is_code(file), "{file}");
        }
    }
}
