//! What is run: everything on, each method left out, each alone, and everything off.

use crate::options::Method;

/// Which methods a run may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// All four.
    All,
    /// All but one.
    Without(Method),
    /// One alone.
    Alone(Method),
    /// None.
    Plain,
}

impl Variant {
    /// The variants that tell what these methods contribute: one of each method left out and one
    /// of each method alone, and what they are compared with.
    pub fn of(methods: &[Method]) -> Vec<Variant> {
        let left_out = methods.iter().copied().map(Variant::Without);
        let alone = methods.iter().copied().map(Variant::Alone);
        let mut all = vec![Variant::All];
        all.extend(left_out);
        all.extend(alone);
        all.push(Variant::Plain);
        all
    }

    /// The methods that are switched off.
    pub fn switched_off(self) -> Vec<Method> {
        let on = |method: Method| match self {
            Variant::All => true,
            Variant::Without(other) => method != other,
            Variant::Alone(only) => method == only,
            Variant::Plain => false,
        };
        Method::ALL.into_iter().filter(|&method| !on(method)).collect()
    }

    /// Whether the memory may propose.
    pub(super) fn has_transfer(self) -> bool {
        !self.switched_off().contains(&Method::Transfer)
    }

    /// In words: `all`, `without rate`, `rate alone`, `none`.
    pub fn name(self) -> String {
        match self {
            Variant::All => "all".into(),
            Variant::Without(method) => format!("without {}", method.name()),
            Variant::Alone(method) => format!("{} alone", method.name()),
            Variant::Plain => "none".into(),
        }
    }

    /// What a difference of this variant is taken from: that of one method alone from none, all
    /// others from all.
    pub(super) fn reference(self) -> Variant {
        match self {
            Variant::Alone(_) => Variant::Plain,
            _ => Variant::All,
        }
    }
}

/// The variants in the order of a block of runs: forwards and backwards in turn, so that what
/// changes on the machine with time falls on all alike.
pub(super) fn in_turn(variants: &[Variant], block: usize) -> Vec<Variant> {
    let mut order = variants.to_vec();
    if block % 2 == 1 {
        order.reverse();
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_method_is_left_out_once_and_alone_once() {
        let variants = Variant::of(&Method::ALL);
        assert_eq!(variants.len(), 10);
        for method in Method::ALL {
            assert_eq!(Variant::Without(method).switched_off(), [method]);
            let off = Variant::Alone(method).switched_off();
            assert!(off.len() == 3 && !off.contains(&method));
        }
        assert!(Variant::All.switched_off().is_empty());
        assert_eq!(Variant::Plain.switched_off(), Method::ALL);
        let names: std::collections::BTreeSet<String> =
            variants.iter().map(|variant| variant.name()).collect();
        assert_eq!(names.len(), 10, "names tell variants apart: {names:?}");
    }

    #[test]
    fn every_second_block_runs_backwards() {
        let variants = Variant::of(&[Method::Pruning]);
        let (forwards, mut backwards) = (in_turn(&variants, 0), in_turn(&variants, 1));
        assert_eq!(forwards, variants);
        backwards.reverse();
        assert_eq!(forwards, backwards);
    }
}
