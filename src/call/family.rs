//! Who belongs to a step, among all processes.
//!
//! What is certain: who descends from the step's leader, who is in its session, who is in its
//! cgroup, and who was once seen to be one of these. Of those whose parents ended and that came to
//! us, what they carry decides: the mark that each child has in its environment, or the step's own
//! pipe among their open files.
//!
//! What cannot be told: whose a process is that left the session, cleared its environment, closed
//! the pipe and lost its parent before anybody looked. It may be of any step that ran when it was
//! started. It is named by each of these, and left alone: to kill another step's daemon is worse
//! than to name it.

use std::collections::{HashMap, HashSet};
use std::io;
use std::os::fd::BorrowedFd;

use rustix::fs::fstat;
use rustix::process::Pid;

use super::adopt::{Household, adopted, adopting};
use super::cgroup::Cgroup;
use super::environ::{Mark, Marked};
use super::session::{Identity, Process, all};

/// A step's leader and what its processes are known by.
pub(super) struct Family {
    leader: Pid,
    /// Nobody who is older is one of them. `/proc` tells this to a hundredth of a second.
    born: u64,
    mark: Mark,
    /// How `/proc` shows the step's pipes.
    pipes: Vec<String>,
    /// Those that were certain once, wherever they are now.
    seen: HashSet<Identity>,
}

/// Who was found. All of them live, and the leader is none of them.
#[derive(Default)]
pub(super) struct Found {
    /// Those that are the step's.
    pub ours: Vec<Process>,
    /// Those that may be.
    pub unclear: Vec<Process>,
}

/// Whose an adopted process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Ours,
    Another,
    Unclear,
}

impl Family {
    /// The leader must not have been reaped.
    pub(super) fn of(leader: Pid, mark: Mark, pipes: &[BorrowedFd<'_>]) -> Self {
        Self {
            leader,
            born: Process::read(leader).map_or(0, |leader| leader.born),
            mark,
            pipes: pipes
                .iter()
                .filter_map(|pipe| fstat(pipe).ok())
                .map(|stat| format!("pipe:[{}]", stat.st_ino))
                .collect(),
            seen: HashSet::new(),
        }
    }

    /// Whether it leads the step.
    pub(super) fn is_leader(&self, process: &Process) -> bool {
        process.pid == self.leader
    }

    /// Whether it is in the leader's session.
    pub(super) fn at_home(&self, process: &Process) -> bool {
        process.session == self.leader.as_raw_nonzero().get()
    }

    /// Whether anybody may be left, now that the leader has ended: then each of them has come to us
    /// or descends from one that has. Cheap, for reading all of `/proc` costs more than
    /// `/bin/true`.
    pub(super) fn may_be_left(&self) -> bool {
        let came = |process: &Process| process.alive && process.born >= self.born;
        !adopting() || adopted().iter().any(came)
    }

    /// Looks through all of `/proc`.
    ///
    /// # Errors
    /// Nothing can be seen there, for lack of descriptors most likely.
    pub(super) fn look(&mut self, cgroup: Option<&Cgroup>) -> io::Result<Found> {
        let all = all()?;
        let inside: HashSet<i32> = cgroup.map(Cgroup::pids).unwrap_or_default();
        let mut children: HashMap<i32, Vec<usize>> = HashMap::new();
        for (index, process) in all.iter().enumerate() {
            children.entry(process.parent).or_default().push(index);
        }
        let below = |of: Vec<usize>, kin: &mut HashSet<usize>| {
            let mut open = of;
            while let Some(index) = open.pop() {
                if kin.insert(index) {
                    let id = all[index].raw();
                    open.extend(children.get(&id).into_iter().flatten());
                }
            }
        };
        let indices = |test: &dyn Fn(&Process) -> bool| -> Vec<usize> {
            let all = all.iter().enumerate();
            all.filter(|(_, process)| test(process))
                .map(|(index, _)| index)
                .collect()
        };

        let certain = |process: &Process| {
            self.is_leader(process)
                || self.at_home(process)
                || inside.contains(&process.raw())
                || self.seen.contains(&process.identity())
        };
        let mut ours = HashSet::new();
        below(indices(&certain), &mut ours);
        let mut unclear = HashSet::new();
        let strays = self.strays(&all, &ours);
        let household = match strays[..] {
            [] => Household::now(),
            // One of them may be a leader that was just being started.
            [..] => Household::settled(),
        };
        for index in strays {
            match self.whose(&all[index], &household, cgroup) {
                Whose::Ours => below(vec![index], &mut ours),
                Whose::Unclear => below(vec![index], &mut unclear),
                Whose::Another => {}
            }
        }

        self.seen
            .extend(ours.iter().map(|index| all[*index].identity()));
        let mut found = Found::default();
        for (index, process) in all.into_iter().enumerate() {
            if !process.alive || self.is_leader(&process) {
            } else if ours.contains(&index) {
                found.ours.push(process);
            } else if unclear.contains(&index) {
                found.unclear.push(process);
            }
        }
        Ok(found)
    }

    /// Those that may be ours and are not certainly so.
    fn strays(&self, all: &[Process], ours: &HashSet<usize>) -> Vec<usize> {
        let household = Household::now();
        let candidate = |process: &Process| {
            process.alive
                && process.born >= self.born
                && (household.adopted(process) || !adopting())
        };
        let all = all.iter().enumerate();
        all.filter(|(index, process)| !ours.contains(index) && candidate(process))
            .map(|(index, _)| index)
            .collect()
    }

    fn whose(&self, process: &Process, household: &Household, cgroup: Option<&Cgroup>) -> Whose {
        let leads = household.leads(process.raw()) || household.leads(process.session);
        if leads || process.hold().is_none() {
            return Whose::Another;
        }
        let environ = process.file("environ").unwrap_or_default();
        match self.mark.on(&environ) {
            Marked::Ours => return Whose::Ours,
            Marked::Another => return Whose::Another,
            Marked::Not => {}
        }
        if self.holds_a_pipe(process) {
            return Whose::Ours;
        }
        let in_another = process
            .file("cgroup")
            .is_some_and(|line| Cgroup::is_another(cgroup, &line));
        if in_another || !household.adopted(process) {
            return Whose::Another;
        }
        Whose::Unclear
    }

    fn holds_a_pipe(&self, process: &Process) -> bool {
        let Ok(open) = std::fs::read_dir(format!("/proc/{}/fd", process.raw())) else {
            return false;
        };
        open.flatten()
            .filter_map(|entry| std::fs::read_link(entry.path()).ok())
            .any(|file| self.pipes.iter().any(|pipe| file.as_os_str() == &**pipe))
    }
}
