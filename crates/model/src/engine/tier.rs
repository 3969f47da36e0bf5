//! Which instructions predictions may use.

use std::fmt;

/// A set of instructions that predictions use. A value exists only if the processor has them, so
/// holding one is the proof. All tiers predict the same, bit for bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tier(Kind);

/// What a tier is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    Scalar,
    // A tier for NEON goes here.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// Environment variable that forces a tier.
const VARIABLE: &str = "EYAS_TIER";

impl Tier {
    /// Portable code; every processor has it.
    pub const SCALAR: Tier = Tier(Kind::Scalar);

    /// Every tier that this processor has, the fastest last.
    pub fn all() -> Vec<Tier> {
        #[allow(unused_mut)]
        let mut tiers = vec![Tier::SCALAR];
        #[cfg(target_arch = "x86_64")]
        {
            let has_avx2 = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("lzcnt")
                && is_x86_feature_detected!("popcnt");
            let has_avx512 = has_avx2
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512vbmi");
            tiers.extend(has_avx2.then_some(Tier(Kind::Avx2)));
            tiers.extend(has_avx512.then_some(Tier(Kind::Avx512)));
        }
        tiers
    }

    /// The fastest tier, or the one that the environment variable `EYAS_TIER` names (`scalar`,
    /// `avx2` or `avx512`); a name that the processor does not have is passed over.
    pub fn best() -> Tier {
        let tiers = Tier::all();
        let forced = std::env::var(VARIABLE).ok();
        let named = tiers.iter().find(|tier| Some(tier.name()) == forced.as_deref());
        *named.or(tiers.last()).unwrap_or(&Tier::SCALAR)
    }

    /// `scalar`, `avx2` or `avx512`.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
        }
    }

    pub(crate) fn kind(self) -> Kind {
        self.0
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_ascend_and_have_names() {
        let tiers = Tier::all();
        assert_eq!(tiers[0], Tier::SCALAR);
        assert!(tiers.is_sorted_by_key(|tier| tier.kind()));
        assert!(tiers.contains(&Tier::best()));
    }
}
