//! Who we are, as the operating system knows it.

use std::fs;

use rustix::process::geteuid;
use rustix::termios::{isatty, ttyname};

use crate::model::people::Person;

/// What the kernel says where nobody logged in: a daemon, a container.
const NOBODY_LOGGED_IN: u32 = u32::MAX;

/// The person who started this process.
///
/// What cannot be found out is left out: an account that `/etc/passwd` does not have is called by
/// its number.
pub fn this_person() -> Person {
    let person = person_of(geteuid().as_raw(), login_of("self"));
    Person {
        terminal: terminal(),
        ..person
    }
}

/// The person of any account on this machine, without a terminal.
pub fn person_of(uid: u32, login_uid: Option<u32>) -> Person {
    let host = rustix::system::uname();
    Person {
        user: account(uid),
        uid,
        login_uid,
        host: host.nodename().to_string_lossy().into_owned(),
        terminal: None,
    }
}

/// The user who logged in, of whom a process is; `process` is its number, or `self`.
pub fn login_of(process: impl std::fmt::Display) -> Option<u32> {
    let text = fs::read_to_string(format!("/proc/{process}/loginuid")).unwrap_or_default();
    login_uid(&text)
}

/// An account's name; its number where `/etc/passwd` does not have it.
pub fn account(uid: u32) -> String {
    let passwd = fs::read(PASSWD).unwrap_or_default();
    name_in(&String::from_utf8_lossy(&passwd), uid).unwrap_or_else(|| uid.to_string())
}

const PASSWD: &str = "/etc/passwd";

/// The account's name, from the text of `/etc/passwd` (passwd(5)).
fn name_in(passwd: &str, uid: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        let ours = number.parse() == Ok(uid) && !name.is_empty();
        ours.then(|| name.to_owned())
    })
}

fn login_uid(text: &str) -> Option<u32> {
    let uid = text.trim().parse().ok()?;
    (uid != NOBODY_LOGGED_IN).then_some(uid)
}

/// The terminal's device: that of a standard stream, else the controlling one.
fn terminal() -> Option<String> {
    let (input, output, error) = (
        rustix::stdio::stdin(),
        rustix::stdio::stdout(),
        rustix::stdio::stderr(),
    );
    let name = [input, output, error]
        .into_iter()
        .find_map(|stream| isatty(stream).then(|| ttyname(stream, Vec::new()).ok())?);
    let name = name.or_else(|| {
        let controlling = fs::File::open("/dev/tty").ok()?;
        ttyname(&controlling, Vec::new()).ok()
    });
    name.map(|name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_number() {
        let passwd =
            "# comment\nroot:x:0:0:root:/root:/bin/sh\nana:x:1000:1000::/home/ana:\n:x:7::\n";
        assert_eq!(name_in(passwd, 1000).as_deref(), Some("ana"));
        assert_eq!(name_in(passwd, 0).as_deref(), Some("root"));
        assert_eq!(name_in(passwd, 7), None);
        assert_eq!(name_in(passwd, 2000), None);
    }

    #[test]
    fn nobody_logged_in_is_no_user() {
        assert_eq!(login_uid("1000\n"), Some(1000));
        assert_eq!(login_uid("4294967295"), None);
        assert_eq!(login_uid(""), None);
    }

    #[test]
    fn this_process_belongs_to_somebody() {
        let person = this_person();
        assert_eq!(person.uid, geteuid().as_raw());
        assert!(!person.user.is_empty() && !person.host.is_empty());
    }
}
