//! Several steps at once: what is one's own is ended, and nobody else's is touched.

use runbook::call::{Containment, End, reap_adopted};

use super::step::{
    Impatient, end, in_a_cgroup, lives, marker, named, processes, run, run_for, survivors, ways,
};

/// Polls for what another process does, which tells nobody when it has done it.
fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !holds() {
        assert!(std::time::Instant::now() < patience, "never so: {what}");
        std::thread::yield_now();
    }
}

/// Waits, in a script, until a process has a word of its own that is the marker: then it has let go
/// of all that it lets go of.
fn is_up(marker: &str) -> String {
    format!("until grep -qsz '^{marker}$' /proc/[0-9]*/cmdline; do :; done")
}

/// When a process started, in hundredths of a second since the machine did.
fn born(pid: i32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let rest = stat.rsplit(')').next().unwrap();
    rest.split_whitespace().nth(19).unwrap().parse().unwrap()
}

/// Now, in the same.
fn ticks() -> u64 {
    let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
    let seconds = uptime.split(' ').next().unwrap();
    seconds.replace('.', "").parse().unwrap()
}

#[test]
fn threat_36_the_daemon_of_another_step_is_never_ended() {
    for processes in ways() {
        let mine = marker();
        let theirs = marker();
        let patient = Impatient::new();
        let script = format!(
            "env -i setsid -f sh -c 'exec sleep {theirs} <&- >&- 2>&-'; echo up; exec sleep {theirs}"
        );
        std::thread::scope(|scope| {
            let other = scope.spawn(|| run_for(&processes, &script, &patient));
            wait_until("both of the other step's run", || {
                survivors(&theirs).len() == 2
            });
            wait_until("they are older by what /proc can tell", || {
                survivors(&theirs)
                    .iter()
                    .all(|pid| born(*pid) + 1 < ticks())
            });
            let (done, _) = run(&processes, &format!("echo ready; exec sleep {mine}"));
            let both = survivors(&theirs);
            patient.stop();
            assert_eq!(done.end, End::Cancelled);
            assert_eq!(both.len(), 2, "{:?}", done.notes);
            // They are older than the step that was ended, so they cannot be that one's.
            let named = named(&done.notes);
            assert!(!both.iter().any(|pid| named.contains(pid)), "{named:?}");
            assert_eq!(other.join().unwrap().end, End::Cancelled);
        });
        end(&theirs);
    }
}

#[test]
fn threat_36_whom_nobody_can_tell_is_named_by_each_that_it_may_be_of() {
    let processes = processes(Containment::WithoutCgroup);
    let older = marker();
    let (first, daemon) = (Impatient::new(), marker());
    let script = format!("echo up; exec sleep {older}");
    std::thread::scope(|scope| {
        let other = scope.spawn(|| run_for(&processes, &script, &first));
        wait_until("the older step runs", || survivors(&older).len() == 1);
        let orphan = format!("env -i setsid -f sh -c 'exec sleep {daemon} <&- >&- 2>&-'");
        let (done, _) = run(
            &processes,
            &format!(
                "{orphan}; {}; echo ready; exec sleep {older}",
                is_up(&daemon)
            ),
        );
        let [orphan] = survivors(&daemon)[..] else {
            panic!("{:?}", survivors(&daemon))
        };
        first.stop();
        let other = other.join().unwrap();
        for done in [done, other] {
            // Other tests have such processes too.
            let note = done
                .notes
                .iter()
                .find(|note| note.contains("may be this step's"));
            let note = note.unwrap_or_else(|| panic!("{:?}", done.notes));
            assert!(
                named(std::slice::from_ref(note)).contains(&orphan),
                "{note}"
            );
        }
    });
    end(&daemon);
}

#[test]
fn threat_35_a_daemon_that_lets_go_of_everything_is_named_and_goes_on() {
    for processes in ways() {
        let contained = in_a_cgroup(&processes);
        for clears in ["", "env -i "] {
            let marker = marker();
            let daemon = format!("{clears}setsid -f sh -c 'exec sleep {marker} <&- >&- 2>&-'");
            let (done, _) = run(&processes, &format!("{daemon}; {}", is_up(&marker)));
            assert_eq!(done.end, End::Exited(0));
            let left = survivors(&marker);
            assert_eq!(left.len(), 1);
            let said = match contained || clears.is_empty() {
                true => "left running in the background: pid ",
                false => "still runs, and may be this step's",
            };
            let note = done.notes.iter().find(|note| note.starts_with(said));
            let note = note.unwrap_or_else(|| panic!("{:?}", done.notes));
            assert!(
                named(std::slice::from_ref(note)).contains(&left[0]),
                "{note}"
            );
            // Its step's cgroup is gone, and it is where it would be without.
            let cgroup = std::fs::read_to_string(format!("/proc/{}/cgroup", left[0])).unwrap();
            assert!(!cgroup.contains("/runbook-"), "{cgroup}");
            end(&marker);
        }
    }
}

#[test]
fn threat_36_the_adopted_are_reaped_when_they_end() {
    let processes = processes(Containment::Best);
    let marker = marker();
    let daemon = format!("setsid -f sh -c 'exec sleep {marker} <&- >&- 2>&-'");
    let (done, _) = run(&processes, &daemon);
    let pids = match &named(&done.notes)[..] {
        // It had not begun, which is all that can be missed.
        [] => survivors(&marker),
        named => named.to_vec(),
    };
    end(&marker);
    wait_until("none is left, not even as a zombie", || {
        reap_adopted();
        pids.iter()
            .all(|pid| !lives(*pid) && !std::path::Path::new(&format!("/proc/{pid}")).exists())
    });
}

#[test]
fn threat_36_a_step_leaves_no_cgroup_behind() {
    let processes = processes(Containment::Best);
    if !in_a_cgroup(&processes) {
        return;
    }
    let (done, _) = run(&processes, "cat /proc/self/mountinfo /proc/self/cgroup");
    let text = String::from_utf8(done.stdout.bytes).unwrap();
    let own = text
        .lines()
        .find_map(|line| line.strip_prefix("0::"))
        .unwrap();
    let mount = text
        .lines()
        .find(|line| line.contains(" - cgroup2 "))
        .unwrap();
    let fields: Vec<_> = mount.split(' ').collect();
    let below = std::path::Path::new(own).strip_prefix(fields[3]).unwrap();
    let dir = std::path::Path::new(fields[4]).join(below);
    assert!(dir.parent().unwrap().is_dir());
    assert!(!dir.exists(), "{}", dir.display());
}
