//! From differences to an answer, by one rule.

use serde::{Deserialize, Serialize};

/// Whether a method is worth having on this data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// With it the limits are met in every run, without it in none.
    Needed,
    /// Better or faster, and not the opposite in the other.
    Worth,
    /// Better and slower, or faster and worse.
    Trade,
    /// Neither a better nor a worse score, neither faster nor slower.
    NoDifference,
    /// Worse or slower, and not the opposite in the other.
    Harms,
    /// No pair of runs with and without it has ended.
    NotKnown,
    /// The memory has no task of this kind.
    CannotHelpYet,
}

/// What was seen of a method: run with it against run without it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// 1: the score is better with it; -1: worse; 0: no difference seen.
    pub score: i8,
    /// 1: slower with it; -1: faster; 0: no difference seen.
    pub ns: i8,
    /// Share of the runs with it that meet the limits.
    pub met_with: f64,
    /// Share of the runs without it that meet the limits.
    pub met_without: f64,
    /// Whether a latency limit was set: nanoseconds below it are free.
    pub has_limit: bool,
}

/// The rule. Limits decide where all runs of one kind meet them and none of the other: where some do,
/// a busy machine may have been the reason.
pub(super) fn judge(seen: &Seen) -> Verdict {
    if (seen.met_with, seen.met_without) == (1.0, 0.0) {
        return Verdict::Needed;
    }
    if (seen.met_with, seen.met_without) == (0.0, 1.0) {
        return Verdict::Harms;
    }
    let ns_are_free = seen.has_limit && seen.met_with.min(seen.met_without) == 1.0;
    match (seen.score, seen.ns) {
        (1, 1) if ns_are_free => Verdict::Worth,
        (-1, -1) if ns_are_free => Verdict::Harms,
        (0, 1) if ns_are_free => Verdict::NoDifference,
        (1, 1) | (-1, -1) => Verdict::Trade,
        (1, _) | (0, -1) => Verdict::Worth,
        (0, 0) => Verdict::NoDifference,
        _ => Verdict::Harms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(score: i8, ns: i8, has_limit: bool) -> Verdict {
        judge(&Seen { score, ns, met_with: 1.0, met_without: 1.0, has_limit })
    }

    #[test]
    fn without_a_limit_nanoseconds_have_a_price() {
        use Verdict::{Harms, NoDifference, Trade, Worth};
        let expected = [
            [(1, -1, Worth), (1, 0, Worth), (1, 1, Trade)],
            [(0, -1, Worth), (0, 0, NoDifference), (0, 1, Harms)],
            [(-1, -1, Trade), (-1, 0, Harms), (-1, 1, Harms)],
        ];
        for (score, ns, verdict) in expected.into_iter().flatten() {
            assert_eq!(of(score, ns, false), verdict, "{score} {ns}");
        }
    }

    #[test]
    fn below_a_limit_that_is_met_they_have_none() {
        assert_eq!(of(1, 1, true), Verdict::Worth);
        assert_eq!(of(-1, -1, true), Verdict::Harms);
        assert_eq!(of(0, 1, true), Verdict::NoDifference);
        assert_eq!(of(0, -1, true), Verdict::Worth);
    }

    #[test]
    fn a_missed_limit_decides() {
        let seen = Seen { score: -1, ns: 0, met_with: 1.0, met_without: 0.0, has_limit: true };
        assert_eq!(judge(&seen), Verdict::Needed);
        let seen = Seen { met_with: 0.0, met_without: 1.0, score: 1, ..seen };
        assert_eq!(judge(&seen), Verdict::Harms);
        // Some met it: the score decides, and nanoseconds are not free.
        let seen = Seen { met_with: 1.0, met_without: 0.5, score: 1, ns: 1, ..seen };
        assert_eq!(judge(&seen), Verdict::Trade);
    }
}
