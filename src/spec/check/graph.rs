//! Where the steps of a file stand, and which of them a step can see.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::spec::step::{Does, Runbook, Step, Undo};

/// How many steps are looked at before all that wait for one are worked out at once.
const NEARBY: usize = 64;

/// How much of that is kept, in bytes.
const MOST_KEPT: usize = 16 << 20;

/// The steps of one file.
pub(super) struct Graph<'a> {
    pub(super) entries: Vec<Entry<'a>>,
    pub(super) lists: Vec<List>,
    ids: HashMap<&'a str, usize>,
    /// The list of the runbook's steps, and that of `finally`.
    pub(super) steps: usize,
    pub(super) finally: usize,
    waiting: RefCell<HashMap<usize, Rc<[bool]>>>,
}

/// A step and where it stands. Numbers are places in [`Graph::entries`] and [`Graph::lists`].
pub(super) struct Entry<'a> {
    pub(super) step: &'a Step,
    pub(super) list: usize,
    position: usize,
    /// The steps in it, where it is a block.
    pub(super) inner: Option<usize>,
    /// The steps that take it back.
    pub(super) undo: Option<usize>,
    /// What it waits for in its parallel block.
    needs: Vec<usize>,
    /// How many steps of its parallel block are checked before it.
    rank: usize,
}

/// A list of steps.
pub(super) struct List {
    pub(super) owner: Owner,
    parallel: bool,
    /// Its steps, each after those that it can see.
    pub(super) order: Vec<usize>,
}

/// What a list of steps belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Steps,
    Finally,
    Block(usize),
    Undo(usize),
}

/// What a step sees of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Its results.
    Yes,
    /// It is the step itself.
    Itself,
    /// It is a block around the step.
    Around,
    /// It comes later.
    Later,
    /// It runs at the same time: the first of these two steps does not wait for the second.
    Beside(usize, usize),
    /// It runs once for each item of this loop.
    InLoop(usize),
    /// It takes this step back.
    InUndo(usize),
    /// It stands under `finally`.
    InFinally,
}

impl<'a> Graph<'a> {
    pub(super) fn new(runbook: &'a Runbook) -> Self {
        let mut graph = Self {
            entries: Vec::new(),
            lists: Vec::new(),
            ids: HashMap::new(),
            steps: 0,
            finally: 0,
            waiting: RefCell::default(),
        };
        graph.steps = graph.list(&runbook.steps, Owner::Steps, false);
        graph.finally = graph.list(&runbook.finally, Owner::Finally, false);
        graph
    }

    fn list(&mut self, steps: &'a [Step], owner: Owner, parallel: bool) -> usize {
        let list = self.lists.len();
        self.lists.push(List {
            owner,
            parallel,
            order: Vec::new(),
        });
        let mut order = Vec::with_capacity(steps.len());
        for (position, step) in steps.iter().enumerate() {
            let at = self.entries.len();
            order.push(at);
            self.ids.insert(step.id.as_str(), at);
            self.entries.push(Entry {
                step,
                list,
                position,
                inner: None,
                undo: None,
                needs: Vec::new(),
                rank: position,
            });
            if let Does::Block { parallel, steps } = &step.does {
                let inner = self.list(steps, Owner::Block(at), *parallel);
                self.entries[at].inner = Some(inner);
            }
            if let Some(Undo::Steps { steps, .. }) = &step.how.undo {
                let undo = self.list(steps, Owner::Undo(at), false);
                self.entries[at].undo = Some(undo);
            }
        }
        if parallel {
            order = self.by_needs(order);
        }
        self.lists[list].order = order;
        list
    }

    /// The steps of a parallel block, each after what it needs. What lies on a circle, which is
    /// said elsewhere, comes last.
    fn by_needs(&mut self, steps: Vec<usize>) -> Vec<usize> {
        let mut after: HashMap<usize, Vec<usize>> = HashMap::new();
        let mut unmet: HashMap<usize, usize> = HashMap::new();
        for at in &steps {
            let step = self.entries[*at].step;
            let known = step.how.needs.iter();
            let needs: Vec<usize> = known
                .filter_map(|need| self.ids.get(need.as_str()).copied())
                .collect();
            for need in &needs {
                after.entry(*need).or_default().push(*at);
            }
            unmet.insert(*at, needs.len());
            self.entries[*at].needs = needs;
        }
        let mut order: Vec<usize> = Vec::with_capacity(steps.len());
        order.extend(steps.iter().filter(|at| unmet.get(*at) == Some(&0)));
        let mut next = 0;
        while let Some(at) = order.get(next).copied() {
            next += 1;
            for waiting in after.get(&at).into_iter().flatten() {
                if let Some(left) = unmet.get_mut(waiting) {
                    *left -= 1;
                    if *left == 0 {
                        order.push(*waiting);
                    }
                }
            }
        }
        order.extend(steps.iter().filter(|at| unmet.get(*at) != Some(&0)));
        for (rank, at) in order.iter().enumerate() {
            self.entries[*at].rank = rank;
        }
        order
    }

    /// A step by its id.
    pub(super) fn find(&self, id: &str) -> Option<usize> {
        self.ids.get(id).copied()
    }

    /// The ids, for the nearest to a misspelt one.
    pub(super) fn ids(&self) -> impl Iterator<Item = &'a str> {
        self.entries.iter().map(|entry| entry.step.id.as_str())
    }

    /// The steps around one and itself, from the outside in.
    fn way(&self, at: usize) -> Vec<usize> {
        let mut way = vec![at];
        let mut list = self.entries[at].list;
        while let Owner::Block(around) | Owner::Undo(around) = self.lists[list].owner {
            way.push(around);
            list = self.entries[around].list;
        }
        way.reverse();
        way
    }

    /// The step that a step takes back, where it stands in an undo.
    pub(super) fn undone(&self, at: usize) -> Option<usize> {
        let mut list = self.entries[at].list;
        loop {
            match self.lists[list].owner {
                Owner::Undo(of) => return Some(of),
                Owner::Block(around) => list = self.entries[around].list,
                Owner::Steps | Owner::Finally => return None,
            }
        }
    }

    /// The loops around a step, the innermost first; `own` is whether its own counts.
    pub(super) fn loops(&self, at: usize, own: bool) -> impl Iterator<Item = usize> {
        let is_loop = |at: &usize| self.entries[*at].step.how.for_each.is_some();
        let way = self.way(at);
        way.into_iter()
            .rev()
            .filter(move |around| own || *around != at)
            .filter(is_loop)
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// What a step sees of another one when its turn comes.
    pub(super) fn sees(&self, here: usize, there: usize) -> Seen {
        let (from, to) = (self.way(here), self.way(there));
        let list = |at: usize| self.entries[at].list;
        let mut common = 0;
        if list(from[0]) != list(to[0]) {
            if list(from[0]) == self.steps {
                return Seen::InFinally;
            }
            return self.reached(&to);
        }
        loop {
            let (a, b) = (from[common], to[common]);
            if a != b {
                return self.beside(a, b, &to[common..]);
            }
            match (from.get(common + 1), to.get(common + 1)) {
                (None, None) => return Seen::Itself,
                // What is inside a step is not done before it.
                (None, Some(_)) => return Seen::Later,
                (Some(inner), None) => {
                    // From its undo, a step is over.
                    return if self.in_undo_of(*inner, a) {
                        Seen::Yes
                    } else {
                        Seen::Around
                    };
                }
                (Some(x), Some(y)) if list(*x) == list(*y) => common += 1,
                (Some(_), Some(y)) if self.in_undo_of(*y, a) => return Seen::InUndo(a),
                // An undo sees what is in its block.
                (Some(_), Some(_)) => return self.reached(&to[common..]),
            }
        }
    }

    fn in_undo_of(&self, at: usize, of: usize) -> bool {
        self.lists[self.entries[at].list].owner == Owner::Undo(of)
    }

    /// Two steps of one list, of which the second is where the way goes on.
    fn beside(&self, here: usize, there: usize, way: &[usize]) -> Seen {
        let (a, b) = (&self.entries[here], &self.entries[there]);
        if self.lists[a.list].parallel {
            if self.waits(here, there) {
                return self.reached(way);
            }
            return Seen::Beside(here, there);
        }
        if b.position < a.position {
            self.reached(way)
        } else {
            Seen::Later
        }
    }

    /// Whether the last step of a way can be seen from outside its first one.
    fn reached(&self, way: &[usize]) -> Seen {
        for pair in way.windows(2) {
            let (around, inner) = (pair[0], pair[1]);
            if self.in_undo_of(inner, around) {
                return Seen::InUndo(around);
            }
            if self.entries[around].step.how.for_each.is_some() {
                return Seen::InLoop(around);
            }
        }
        Seen::Yes
    }

    /// Whether a step of a parallel block waits for another one, directly or not.
    fn waits(&self, here: usize, there: usize) -> bool {
        if self.entries[here].needs.contains(&there) {
            return true;
        }
        // What comes before the step looked for cannot wait for it.
        let bound = self.entries[there].rank;
        let mut seen = HashSet::new();
        let mut open = vec![here];
        while let Some(at) = open.pop() {
            for need in &self.entries[at].needs {
                if *need == there {
                    return true;
                }
                if self.entries[*need].rank > bound && seen.insert(*need) {
                    open.push(*need);
                }
            }
            if seen.len() > NEARBY {
                return self.wait_for(there)[self.entries[here].rank];
            }
        }
        false
    }

    /// Which steps of a parallel block wait for one of them, by their rank. Kept, because what is
    /// far away is often looked back at by many.
    fn wait_for(&self, there: usize) -> Rc<[bool]> {
        let mut kept = self.waiting.borrow_mut();
        if let Some(found) = kept.get(&there) {
            return Rc::clone(found);
        }
        let order = &self.lists[self.entries[there].list].order;
        let mut waiting = vec![false; order.len()];
        waiting[self.entries[there].rank] = true;
        for at in &order[self.entries[there].rank..] {
            let entry = &self.entries[*at];
            if entry
                .needs
                .iter()
                .any(|need| waiting[self.entries[*need].rank])
            {
                waiting[entry.rank] = true;
            }
        }
        if (kept.len() + 1) * order.len() > MOST_KEPT {
            kept.clear();
        }
        let waiting: Rc<[bool]> = waiting.into();
        kept.insert(there, Rc::clone(&waiting));
        waiting
    }
}
