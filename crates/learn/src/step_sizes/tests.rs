//! One battery over the lists, and what each rule does on its own.

use super::*;

fn layout() -> Layout {
    let groups = vec![Group::matrix(3, 2), Group::vector(3), Group::matrix(1, 2).lr_scale(0.5)];
    Layout::new(groups).unwrap()
}

const START: [f32; 11] = [0.5, -0.3, 1.2, 0.1, -0.7, 0.9, 0.2, -0.4, 0.6, 0.8, -1.1];

/// Gradients of `sum c_i (p_i - 0.25)^2 / 2`, `c` from 1 to 2.
fn grads(params: &[f32]) -> Vec<f32> {
    let curvature = |at: usize| 1.0 + at as f32 / 10.0;
    params.iter().enumerate().map(|(at, param)| curvature(at) * (param - 0.25)).collect()
}

fn rate_of(kind: &OptimizerKind) -> f32 {
    if kind.finds_rate { 1.0 } else { 0.05 }
}

/// Parameters after some steps, to predict with.
fn trained(optimizer: &mut dyn Optimizer, lr: f32, n_steps: usize) -> Vec<f32> {
    let mut params = START.to_vec();
    for _ in 0..n_steps {
        let grads = grads(&params);
        optimizer.step(&mut params, &grads, lr);
    }
    optimizer.eval(&mut params);
    params
}

fn distance(params: &[f32]) -> f64 {
    params.iter().map(|param| f64::from(param - 0.25).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn names_are_distinct_and_documented() {
    let names = OPTIMIZERS.iter().map(|kind| (kind.name, kind.formula, kind.help));
    let names: Vec<_> =
        names.chain(STEP_SIZES.iter().map(|kind| (kind.name, kind.formula, kind.help))).collect();
    for (at, (name, formula, help)) in names.iter().enumerate() {
        assert!(names[..at].iter().all(|(other, ..)| other != name), "{name}");
        assert!(!formula.is_empty() && !help.is_empty(), "{name}");
    }
}

#[test]
fn optimizers_come_nearer() {
    for kind in OPTIMIZERS {
        let mut optimizer = (kind.build)(&layout());
        let lr = rate_of(kind);
        let params = trained(&mut *optimizer, lr, 400);
        let (before, after) = (distance(&START), distance(&params));
        assert!(after < 0.5 * before, "{}: {after} after {before}", kind.name);
    }
}

#[test]
fn optimizers_are_deterministic_and_start_anew_from_a_saved_state() {
    for kind in OPTIMIZERS {
        let lr = rate_of(kind);
        let (mut whole, mut first) = ((kind.build)(&layout()), (kind.build)(&layout()));
        let mut params = START.to_vec();
        let mut copy = START.to_vec();
        for _ in 0..7 {
            let grads = grads(&params);
            whole.step(&mut params, &grads, lr);
            first.step(&mut copy, &grads, lr);
        }
        assert_eq!(params, copy, "{}", kind.name);
        let bytes = first.save();
        let mut second = (kind.build)(&layout());
        second.load(&bytes).unwrap();
        assert_eq!(second.save(), bytes, "{}", kind.name);
        for _ in 0..7 {
            let grads = grads(&params);
            whole.step(&mut params, &grads, lr);
            second.step(&mut copy, &grads, lr);
        }
        assert_eq!(params, copy, "{}", kind.name);
        whole.eval(&mut params);
        second.eval(&mut copy);
        assert_eq!(params, copy, "{}", kind.name);
    }
}

#[test]
fn wrong_states_are_refused_and_change_nothing() {
    for kind in OPTIMIZERS {
        let mut optimizer = (kind.build)(&layout());
        trained(&mut *optimizer, 0.1, 3);
        let bytes = optimizer.save();
        let other = (kind.build)(&Layout::flat(5)).save();
        let mut longer = bytes.clone();
        longer.push(0);
        let broken = [&[][..], &bytes[..bytes.len() - 1], &longer, &other, b"EYSS"];
        for broken in broken {
            // The state of plain gradient descent is a count, whatever the layout.
            let fits = kind.name == "sgd" && broken.len() == bytes.len();
            assert_eq!(optimizer.load(broken).is_ok(), fits, "{}", kind.name);
            if fits {
                optimizer.load(&bytes).unwrap();
            }
            assert_eq!(optimizer.save(), bytes, "{}", kind.name);
        }
    }
    let mut adam = (OPTIMIZERS[2].build)(&layout());
    let mut bytes = adam.save();
    bytes[10..18].fill(255); // the count of steps, after the header and the name `adam`
    assert!(adam.load(&bytes).is_err());
    for kind in STEP_SIZES {
        let mut rule = (kind.build)(0.1, 3);
        let bytes = rule.save();
        assert!(rule.load(&bytes[..bytes.len() - 1]).is_err() && rule.load(b"").is_err());
    }
}

#[test]
fn evaluation_and_training_undo_each_other() {
    let layout = layout();
    let sgd = || Sgd::new(&layout, SgdOptions { momentum: 0.9, ..SgdOptions::default() });
    let muon = Muon::new(&layout, MuonOptions { momentum: 0.0, ..MuonOptions::default() });
    let wrapped: Vec<Box<dyn Optimizer>> = vec![
        Box::new(Averaged::new(sgd(), &layout, Averaging::Exponential { decay: 0.9 })),
        Box::new(Averaged::new(sgd(), &layout, Averaging::Uniform { start: 3 })),
        Box::new(ScheduleFree::new(muon, &layout, ScheduleFreeOptions::default())),
        Box::new(Averaged::new(
            ScheduleFree::sgd(&layout, ScheduleFreeOptions::default()),
            &layout,
            Averaging::Polynomial { gamma: 8.0 },
        )),
    ];
    for mut optimizer in wrapped {
        let mut params = START.to_vec();
        optimizer.eval(&mut params);
        assert_eq!(params, START);
        for _ in 0..9 {
            let grads = grads(&params);
            optimizer.step(&mut params, &grads, 0.02);
        }
        let training = params.clone();
        optimizer.eval(&mut params);
        let predicting = params.clone();
        assert_ne!(training, predicting, "{optimizer:?}");
        optimizer.eval(&mut params);
        assert_eq!(params, predicting);
        optimizer.train(&mut params);
        optimizer.train(&mut params);
        let near = params.iter().zip(&training).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(near, "{params:?} {training:?}");
    }
}

#[test]
fn every_optimizer_can_be_wrapped() {
    let layout = layout();
    for kind in OPTIMIZERS.iter().filter(|kind| !kind.finds_rate) {
        let base = || (kind.build)(&layout);
        let free = ScheduleFree::new(base(), &layout, ScheduleFreeOptions::default());
        let averaged = Averaged::new(base(), &layout, Averaging::Exponential { decay: 0.8 });
        let mechanic = Mechanic::new(base(), &layout, MechanicOptions::default());
        let all: [(Box<dyn Optimizer>, f32); 3] =
            [(Box::new(free), 0.05), (Box::new(averaged), 0.05), (Box::new(mechanic), 0.05)];
        for (mut optimizer, lr) in all {
            let after = distance(&trained(&mut *optimizer, lr, 400));
            assert!(after < 0.7 * distance(&START), "{} in {optimizer:?}: {after}", kind.name);
        }
    }
}

#[test]
fn a_group_without_a_rate_stays() {
    let groups = vec![Group::matrix(3, 2), Group::vector(5).lr_scale(0.0).decay_scale(0.0)];
    let layout = Layout::new(groups).unwrap();
    for kind in OPTIMIZERS.iter().filter(|kind| !["d_adapt_sgd", "mechanic"].contains(&kind.name)) {
        let params = trained(&mut *(kind.build)(&layout), 0.1, 5);
        assert_eq!(params[6..], START[6..], "{}", kind.name);
        assert_ne!(params[..6], START[..6], "{}", kind.name);
    }
}

#[test]
fn gradients_of_zero_and_nothing_at_all_are_borne() {
    for kind in OPTIMIZERS {
        let mut optimizer = (kind.build)(&layout());
        let mut params = START.to_vec();
        for _ in 0..3 {
            optimizer.step(&mut params, &[0.0; 11], 0.1);
        }
        optimizer.eval(&mut params);
        let moved = params.iter().zip(START).any(|(a, b)| !a.is_finite() || (a - b).abs() > 0.1);
        assert!(!moved, "{}: {params:?}", kind.name);
        let mut empty = (kind.build)(&Layout::flat(0));
        empty.step(&mut [], &[], 0.1);
        optimizer.step(&mut params, &[f32::NAN; 11], 0.1);
    }
}

#[test]
fn layouts_are_checked() {
    let mut wrong = Group::matrix(2, 3);
    wrong.len = 5;
    for group in [wrong, Group::vector(2).lr_scale(-1.0), Group::vector(2).decay_scale(f32::NAN)] {
        assert!(Layout::new(vec![group]).unwrap_err().to_string().contains("group 0"));
    }
    assert!(Layout::new(vec![Group::matrix(usize::MAX, 2)]).is_err());
}

#[test]
fn rules_are_finite_deterministic_and_start_anew_from_a_saved_state() {
    let losses = [2.0, 1.5, f64::NAN, 1.0, 1.2, f64::INFINITY, -3.0, 1e300, 0.5, 0.5, 0.5, 0.5];
    for kind in STEP_SIZES {
        let (mut whole, mut first) = ((kind.build)(0.1, 3), (kind.build)(0.1, 3));
        for (at, loss) in losses.iter().cycle().take(40).enumerate() {
            let grads = if at == 20 { [f32::NAN; 3] } else { [0.1, at as f32, -0.3] };
            let seen = Seen { loss: *loss, grads: &grads };
            let advice = whole.observe(&seen);
            let mut second = (kind.build)(0.1, 3);
            second.load(&first.save()).unwrap();
            first = second;
            assert_eq!(first.observe(&seen), advice, "{} at {at}", kind.name);
            let rate = advice.rate();
            assert!(rate.is_finite() && rate >= 0.0, "{} at {at}: {rate}", kind.name);
            assert_eq!(rate, whole.rate());
        }
    }
}

#[test]
fn base_rate_is_a_factor_of_rules() {
    for kind in STEP_SIZES.iter().filter(|kind| kind.name != "polyak") {
        let (mut once, mut thrice) = ((kind.build)(0.1, 3), (kind.build)(0.3, 3));
        for at in 0..150 {
            let loss = (at as f64 / 7.0).sin().abs() + 1.0;
            let seen = Seen { loss, grads: &[0.1, (at % 5) as f32, -0.3] };
            let (a, b) = (once.observe(&seen).rate(), thrice.observe(&seen).rate());
            assert!((3.0 * a - b).abs() < 1e-12, "{} at {at}: {a} {b}", kind.name);
        }
    }
}

#[test]
fn plateau_takes_nan_as_no_improvement() {
    let options = PlateauOptions { patience: 1, ..PlateauOptions::default() };
    let mut plateau = Plateau::new(1.0, options);
    let rates =
        [0.5, f64::NAN, f64::NAN, 0.4].map(|loss| plateau.observe(&Seen::loss(loss)).rate());
    assert_eq!(rates, [1.0, 1.0, 0.1, 0.1]);
}

#[test]
fn recovery_goes_back_at_half_the_rate() {
    let options = RecoveryOptions { keep_every: 2, max_returns: 2, ..RecoveryOptions::default() };
    let mut recovery = Recovery::new(1.0, options);
    let advice = [2.0, 1.5, 1.0, 1e9, 1.1, 1.0, f64::NAN, 1.0, f64::NAN]
        .map(|loss| recovery.observe(&Seen::loss(loss)));
    let (keep, go) = (|rate| Advice::Keep { rate }, |rate| Advice::Continue { rate });
    let back = |rate| Advice::GoBack { rate };
    let want = [
        keep(1.0),
        go(1.0),
        keep(1.0),
        back(0.5),
        go(0.5),
        keep(0.5),
        back(0.25),
        go(0.25),
        Advice::Done { rate: 0.125 },
    ];
    assert_eq!(advice, want);
    assert_eq!(recovery.n_returns(), 2);
}

#[test]
fn range_test_ends_where_the_loss_explodes() {
    let mut test = RangeTest::new(RangeTestOptions { n_steps: 50, ..RangeTestOptions::default() });
    let mut n_seen = 0;
    let suggestion = loop {
        let rate = test.rate();
        let loss = if rate > 1e-2 { f64::INFINITY } else { 1.0 / (1.0 + 1e4 * rate) };
        n_seen += 1;
        if let Advice::Done { rate } = test.observe(&Seen::loss(loss)) {
            break rate;
        }
    };
    assert!(n_seen < 50 && (1e-5..1e-2).contains(&suggestion), "{suggestion} after {n_seen}");
    assert_eq!(test.observe(&Seen::loss(0.0)).rate(), suggestion);
}

#[test]
fn the_scale_of_gradients_is_no_matter_where_steps_are_normalized() {
    let layout = layout();
    let adam = AdamOptions { eps: 0.0, ..AdamOptions::default() };
    let nadam = NAdamOptions { eps: 0.0, ..NAdamOptions::default() };
    let dog = DogOptions { eps: 0.0, ..DogOptions::default() };
    let normalized = || -> [Box<dyn Optimizer>; 4] {
        [
            Box::new(Adam::new(&layout, adam)),
            Box::new(AdamW::new(&layout, adam)),
            Box::new(NAdam::new(&layout, nadam)),
            Box::new(Dog::new(&layout, dog)),
        ]
    };
    for (mut once, mut scaled) in normalized().into_iter().zip(normalized()) {
        let (mut a, mut b) = (START.to_vec(), START.to_vec());
        for _ in 0..20 {
            let grads = grads(&a);
            let eightfold: Vec<f32> = grads.iter().map(|grad| 8.0 * grad).collect();
            once.step(&mut a, &grads, 0.05);
            scaled.step(&mut b, &eightfold, 0.05);
        }
        let near = a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(near, "{}: {a:?} {b:?}", once.name());
    }
}
