//! Optimizers and rules do what the published implementations do (`testdata/step_sizes`).

use serde_json::Value;

use super::*;

/// Softmax regression with a small penalty, whose gradients are computed with 64 bits.
struct Problem {
    x: Vec<Vec<f64>>,
    y: Vec<usize>,
    start: Vec<f32>,
}

const N_CLASSES: usize = 3;
const N_FEATURES: usize = 4;
const N_WEIGHTS: usize = N_CLASSES * N_FEATURES;

fn file() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/step_sizes/step_sizes.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

impl Problem {
    fn new(file: &Value) -> Problem {
        let problem = &file["problem"];
        let x = problem["x"].as_array().unwrap().iter().map(floats).collect();
        let y = floats(&problem["y"]).into_iter().map(|class| class as usize).collect();
        let start = floats(&problem["params"]).into_iter().map(|param| param as f32).collect();
        Problem { x, y, start }
    }

    /// The loss; the gradients go to `grads`.
    fn loss(&self, params: &[f32], grads: &mut [f32]) -> f64 {
        let mut sums = vec![0.0_f64; params.len()];
        let mut loss = 0.0;
        for (x, &class) in self.x.iter().zip(&self.y) {
            let score = |k: usize| -> f64 {
                let weights = &params[k * N_FEATURES..][..N_FEATURES];
                let sum: f64 = weights.iter().zip(x).map(|(w, x)| f64::from(*w) * x).sum();
                sum + f64::from(params[N_WEIGHTS + k])
            };
            let powers: Vec<f64> = (0..N_CLASSES).map(|k| score(k).exp()).collect();
            let total: f64 = powers.iter().sum();
            loss -= (powers[class] / total).ln() / self.x.len() as f64;
            for k in 0..N_CLASSES {
                let off =
                    (powers[k] / total - f64::from(u8::from(k == class))) / self.x.len() as f64;
                sums[N_WEIGHTS + k] += off;
                for (sum, x) in sums[k * N_FEATURES..].iter_mut().zip(x) {
                    *sum += off * x;
                }
            }
        }
        for (at, weight) in params[..N_WEIGHTS].iter().enumerate() {
            loss += 0.005 * f64::from(*weight).powi(2);
            sums[at] += 0.01 * f64::from(*weight);
        }
        for (grad, sum) in grads.iter_mut().zip(&sums) {
            *grad = *sum as f32;
        }
        loss
    }
}

fn layout() -> Layout {
    Layout::new(vec![Group::matrix(N_CLASSES, N_FEATURES), Group::vector(N_CLASSES)]).unwrap()
}

struct Options<'a>(&'a Value);

impl Options<'_> {
    fn float(&self, name: &str, default: f64) -> f64 {
        self.0[name].as_f64().unwrap_or(default)
    }

    fn flag(&self, name: &str) -> bool {
        self.0[name].as_bool().unwrap_or(false)
    }

    fn sgd(&self) -> SgdOptions {
        SgdOptions {
            momentum: self.float("momentum", 0.0),
            dampening: self.float("dampening", 0.0),
            nesterov: self.flag("nesterov"),
            weight_decay: self.float("weight_decay", 0.0),
        }
    }

    fn adam(&self) -> AdamOptions {
        AdamOptions {
            beta1: self.float("beta1", 0.9),
            beta2: self.float("beta2", 0.999),
            eps: self.float("eps", 1e-8),
            weight_decay: self.float("weight_decay", 0.0),
        }
    }

    fn nadam(&self) -> NAdamOptions {
        let AdamOptions { beta1, beta2, eps, weight_decay } = self.adam();
        let (momentum_decay, decoupled) =
            (self.float("momentum_decay", 4e-3), self.flag("decoupled"));
        NAdamOptions { beta1, beta2, eps, momentum_decay, weight_decay, decoupled }
    }

    fn muon(&self) -> MuonOptions {
        MuonOptions {
            momentum: self.float("momentum", 0.0),
            nesterov: self.flag("nesterov"),
            weight_decay: self.float("weight_decay", 0.0),
            scale: if self.flag("match") { MuonScale::MatchAdamW } else { MuonScale::Original },
            ..MuonOptions::default()
        }
    }

    fn schedule_free(&self) -> ScheduleFreeOptions {
        ScheduleFreeOptions {
            momentum: self.float("momentum", 0.0),
            weight_decay: self.float("weight_decay", 0.0),
            step_power: self.float("step_power", 0.0),
            rate_power: self.float("rate_power", 2.0),
        }
    }

    fn d_adapt_sgd(&self) -> DAdaptSgdOptions {
        DAdaptSgdOptions {
            momentum: self.float("momentum", 0.0),
            weight_decay: self.float("weight_decay", 0.0),
            first_distance: self.float("first_distance", 1e-6),
            growth_rate: self.float("growth_rate", f64::INFINITY),
        }
    }

    fn d_adapt_adam(&self) -> DAdaptAdamOptions {
        let AdamOptions { beta1, beta2, eps, weight_decay } = self.adam();
        DAdaptAdamOptions {
            beta1,
            beta2,
            eps,
            weight_decay,
            decoupled: self.flag("decoupled"),
            bias_correction: self.flag("bias_correction"),
            first_distance: self.float("first_distance", 1e-6),
            growth_rate: f64::INFINITY,
        }
    }

    fn prodigy(&self) -> ProdigyOptions {
        let AdamOptions { beta1, beta2, eps, weight_decay } = self.adam();
        ProdigyOptions {
            beta1,
            beta2,
            eps,
            weight_decay,
            decoupled: self.flag("decoupled"),
            bias_correction: self.flag("bias_correction"),
            safeguard_warmup: self.flag("bias_correction"),
            first_distance: self.float("first_distance", 1e-6),
            ..ProdigyOptions::default()
        }
    }

    fn dog(&self, layerwise: bool) -> DogOptions {
        let first_distance = self.float("first_distance", 1e-6);
        let weight_decay = self.float("weight_decay", 0.0);
        DogOptions { first_distance, weight_decay, layerwise, ..DogOptions::default() }
    }

    fn mechanic(&self, layout: &Layout) -> Box<dyn Optimizer> {
        let weight_decay = self.float("weight_decay", 0.0);
        let options = MechanicOptions { weight_decay, ..MechanicOptions::default() };
        let base: Box<dyn Optimizer> = match self.0["base"].as_str().unwrap() {
            "sgd" => Box::new(Sgd::new(layout, SgdOptions::default())),
            _ => Box::new(Adam::new(layout, AdamOptions::default())),
        };
        Box::new(Mechanic::new(base, layout, options))
    }

    fn averaged(&self, layout: &Layout, averaging: Averaging) -> Box<dyn Optimizer> {
        Box::new(Averaged::new(Sgd::new(layout, self.sgd()), layout, averaging))
    }

    fn build(&self, name: &str, layout: &Layout) -> Box<dyn Optimizer> {
        match name {
            "sgd" | "hypergradient" | "polyak" => Box::new(Sgd::new(layout, self.sgd())),
            "adam" => Box::new(Adam::new(layout, self.adam())),
            "adamw" => Box::new(AdamW::new(layout, self.adam())),
            "nadam" => Box::new(NAdam::new(layout, self.nadam())),
            "muon" => Box::new(Muon::new(layout, self.muon())),
            "schedule_free_sgd" => Box::new(ScheduleFree::sgd(layout, self.schedule_free())),
            "schedule_free_adamw" => {
                let beta2 = self.float("beta2", 0.999);
                Box::new(ScheduleFree::adamw(layout, beta2, 1e-8, self.schedule_free()))
            }
            "d_adapt_sgd" => Box::new(DAdaptSgd::new(layout, self.d_adapt_sgd())),
            "d_adapt_adam" => Box::new(DAdaptAdam::new(layout, self.d_adapt_adam())),
            "prodigy" => Box::new(Prodigy::new(layout, self.prodigy())),
            "dog" => Box::new(Dog::new(layout, self.dog(false))),
            "l_dog" => Box::new(Dog::new(layout, self.dog(true))),
            "mechanic" => self.mechanic(layout),
            "exponential_average" => {
                let decay = self.float("decay", 0.0);
                self.averaged(layout, Averaging::Exponential { decay })
            }
            "uniform_average" => self.averaged(layout, Averaging::Uniform { start: 0 }),
            "polynomial_average" => {
                let gamma = self.float("gamma", 0.0);
                self.averaged(layout, Averaging::Polynomial { gamma })
            }
            _ => panic!("{name}"),
        }
    }

    /// The rule that gives the rate, of those that are no optimizers.
    fn rule(&self, name: &str, n_params: usize) -> Option<Box<dyn StepSize>> {
        match name {
            "polyak" => Some(Box::new(Polyak::new(PolyakOptions {
                lowest_loss: self.float("lowest_loss", 0.0),
                max_rate: self.float("max_rate", 1.0),
                scale: self.float("scale", 1.0),
                eps: 0.0,
            }))),
            "hypergradient" => {
                let rule = if self.flag("additive") {
                    HypergradientRule::Additive
                } else {
                    HypergradientRule::Multiplicative
                };
                let hyper_rate = self.float("hyper_rate", 0.0);
                let options = HypergradientOptions { rule, hyper_rate, ..Default::default() };
                Some(Box::new(Hypergradient::new(0.05, n_params, options)))
            }
            _ => None,
        }
    }
}

/// Largest difference, relative to the size of the parameters (at least 1).
fn difference(got: &[f32], want: &Value) -> f64 {
    let want = floats(want);
    assert_eq!(got.len(), want.len());
    let size = want.iter().fold(1.0_f64, |size, value| size.max(value.abs()));
    let off = got.iter().zip(&want).map(|(got, want)| (f64::from(*got) - want).abs());
    off.fold(0.0, f64::max) / size
}

#[test]
fn optimizers_equal_the_libraries() {
    let file = file();
    let problem = Problem::new(&file);
    let layout = layout();
    let mut off = Vec::new();
    for case in file["cases"].as_array().unwrap() {
        let Some(name) = case["optimizer"].as_str() else { continue };
        let options = Options(&case["options"]);
        let mut optimizer = options.build(name, &layout);
        let mut rule = options.rule(name, layout.n_params());
        let (mut params, mut grads) = (problem.start.clone(), problem.start.clone());
        let mut worst = 0.0_f64;
        for step in 1..=40 {
            let loss = problem.loss(&params, &mut grads);
            let lr = match &mut rule {
                Some(rule) => rule.observe(&Seen { loss, grads: &grads }).rate(),
                None => case["lr"].as_f64().unwrap(),
            };
            optimizer.step(&mut params, &grads, lr as f32);
            let key = step.to_string();
            if case["params"].get(&key).is_some() {
                worst = worst.max(difference(&params, &case["params"][&key]));
            }
            if let Some(want) = case["eval"].get(&key) {
                optimizer.eval(&mut params);
                worst = worst.max(difference(&params, want));
                optimizer.train(&mut params);
            }
        }
        off.push(format!("{worst:.1e} {} {} {}", case["library"], case["name"], case["options"]));
        if worst > 1e-5 {
            off.push("^^^ too far".to_owned());
        }
    }
    assert!(!off.iter().any(|line| line.contains("too far")), "{}", off.join("\n"));
    assert!(off.len() >= 40, "{}", off.len());
}

#[test]
fn plateaus_equal_the_libraries() {
    let file = file();
    let mut n_cases = 0;
    for case in file["cases"].as_array().unwrap() {
        let Some(options) = case.get("plateau") else { continue };
        let options = Options(options);
        let int = |name: &str| options.float(name, 0.0) as u64;
        let (relative, absolute) = (options.float("relative", 0.0), options.float("absolute", 0.0));
        let (rule, min_delta) = match case["library"].as_str().unwrap() {
            "keras" => (PlateauRule::Keras, MinDelta::Absolute(absolute)),
            "torch" if absolute > 0.0 => (PlateauRule::PyTorch, MinDelta::Absolute(absolute)),
            "torch" => (PlateauRule::PyTorch, MinDelta::Relative(relative)),
            _ => (PlateauRule::Optax, MinDelta::Both { relative, absolute }),
        };
        let made = PlateauOptions {
            rule,
            factor: options.float("factor", 0.0),
            patience: int("patience"),
            cooldown: int("cooldown"),
            min_delta,
            min_rate: options.float("min_rate", 0.0),
            min_change: options.float("min_change", 0.0),
            accumulation: int("accumulation"),
        };
        let mut plateau = Plateau::new(0.1, made);
        let losses = floats(&file["losses"][case["losses"].as_u64().unwrap() as usize]);
        for (at, (loss, want)) in losses.iter().zip(floats(&case["rates"])).enumerate() {
            let got = plateau.observe(&Seen::loss(*loss)).rate();
            let place = format!("{} {made:?} after loss {at}", case["library"]);
            assert!((got - want).abs() < 1e-7, "{place}: {got} for {want}");
            assert_eq!(got, plateau.rate());
        }
        n_cases += 1;
    }
    assert_eq!(n_cases, 84);
}

#[test]
fn range_test_equals_numpy() {
    let file = file();
    let case =
        file["cases"].as_array().unwrap().iter().find(|case| case.get("range_test").is_some());
    let case = case.unwrap();
    let losses = floats(&case["losses"]);
    let n_steps = losses.len();
    let options =
        RangeTestOptions { low: 1e-4, high: 1.0, n_steps, smoothing: 0.8, tolerance: 3.0 };
    let mut test = RangeTest::new(options);
    let last = losses.iter().map(|loss| test.observe(&Seen::loss(*loss))).last().unwrap();
    let smooth = floats(&case["smooth"]);
    assert_eq!(test.losses().len(), smooth.len());
    for (got, want) in test.losses().iter().zip(&smooth) {
        assert!((got - want).abs() < 1e-8 * want, "{got} for {want}");
    }
    let want = case["suggestion"].as_f64().unwrap();
    assert!(
        matches!(last, Advice::Done { rate } if (rate - want).abs() < 1e-12),
        "{last:?} for {want}"
    );
}
