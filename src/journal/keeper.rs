//! Whose the state directory is: one person's, or a group's that shares it on a machine.

use super::disk::{DIR_MODE, FILE_MODE, Kind, Refused, Stat};

/// The bits that nobody else may have: writing by group and others.
const FOREIGN_WRITE: u32 = 0o022;

/// The mode of directories that a group shares: what is made in them belongs to the group too.
const SHARED_DIR_MODE: u32 = 0o2770;

/// The mode of files that a group shares.
const SHARED_FILE_MODE: u32 = 0o660;

/// Who may write here. Nobody else can have written what passes [`Keeper::judge`], apart from the
/// machine's administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// One user alone.
    User(u32),
    /// Every member of one group.
    Group(u32),
}

impl Keeper {
    /// The mode of what is kept.
    pub fn mode(self, kind: Kind) -> u32 {
        match (self, kind) {
            (Self::User(_), Kind::Directory) => DIR_MODE,
            (Self::User(_), _) => FILE_MODE,
            (Self::Group(_), Kind::Directory) => SHARED_DIR_MODE,
            (Self::Group(_), _) => SHARED_FILE_MODE,
        }
    }

    /// Holds owner and mode of what is there against whose it should be.
    pub(super) fn judge(self, stat: &Stat) -> Result<(), Refused> {
        let mode = stat.mode & 0o7777;
        match self {
            Self::User(us) if stat.uid != us => Err(Refused::Owner {
                owner: stat.uid,
                us,
            }),
            Self::User(_) if mode & FOREIGN_WRITE != 0 => Err(Refused::Mode { mode }),
            Self::User(_) => Ok(()),
            Self::Group(shared) if stat.gid != shared => Err(Refused::Group {
                group: stat.gid,
                shared,
            }),
            // Any member may be the owner: only members can make something here.
            Self::Group(_) => {
                let wanted = self.mode(stat.kind);
                match mode == wanted {
                    true => Ok(()),
                    false => Err(Refused::SharedMode { mode, wanted }),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_group_shares_has_exactly_its_modes_and_its_group_and_any_owner() {
        let file = Stat {
            kind: Kind::File,
            uid: 1000,
            gid: 50,
            mode: 0o660,
            links: 1,
        };
        let dir = Stat {
            kind: Kind::Directory,
            mode: 0o2770,
            links: 7,
            ..file
        };
        let team = Keeper::Group(50);
        assert_eq!(file.judge(Kind::File, team), Ok(()));
        assert_eq!(dir.judge(Kind::Directory, team), Ok(()));
        for mode in [0o600, 0o640, 0o662, 0o664, 0o770, 0o2660] {
            let other = Stat { mode, ..file };
            assert_eq!(
                other.judge(Kind::File, team),
                Err(Refused::SharedMode {
                    mode,
                    wanted: 0o660
                })
            );
        }
        // Without the bit, what a member makes in it would belong to nobody's group but theirs.
        for mode in [0o770, 0o2771, 0o2775, 0o700] {
            let other = Stat { mode, ..dir };
            assert!(other.judge(Kind::Directory, team).is_err(), "{mode:o}");
        }
        let refused = Refused::Group {
            group: 50,
            shared: 51,
        };
        assert_eq!(file.judge(Kind::File, Keeper::Group(51)), Err(refused));
        let twice = Stat { links: 2, ..file };
        assert_eq!(
            twice.judge(Kind::File, team),
            Err(Refused::Links { links: 2 })
        );
    }
}
