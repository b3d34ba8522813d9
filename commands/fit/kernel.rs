//! The flags of `tweetoscope fit` for other kernels, and their columns of the table.

use std::collections::BTreeMap;
use std::str::FromStr;

use tweetoscope::hawkes::kernels::{Family, Population};
use tweetoscope::hawkes::mark::MarkLaw;
use tweetoscope::record::{KernelFit, Named};
use tweetoscope::stage::fit::{EXACT_BELOW, Exponent, KernelOptions};
use tweetoscope::stream::print_stderr;

use crate::flags::Usage;

/// Kernels.
#[derive(clap::Args, Clone)]
pub(super) struct KernelFlags {
    /// Also fit this kernel by maximum likelihood, as the field kernel_fit: exp, power-law,
    /// sum-exp:K with K of 2 or 3, seismic (SEISMIC's fixed kernel), or best, that of the smallest
    /// AIC for each cascade
    #[arg(long, value_name = "KERNEL", help_heading = "Kernel")]
    kernel: Option<Kernels>,
    /// Exponent of the marks, which weight an event by m^X: fit, a number, or none to ignore marks
    /// (default: fit; 1 for seismic)
    #[arg(long, value_name = "fit|X|none", requires = "kernel", help_heading = "Kernel")]
    mark_exponent: Option<MarkExponent>,
    /// Limit the cascade to a finite population (HawkesN): fit, or a number of users at least as
    /// large as the cascade
    #[arg(long, value_name = "N|fit", requires = "kernel", help_heading = "Kernel")]
    population: Option<Users>,
    /// Compute the power law over all pairs of events below this number of events, else as a sum of
    /// exponentials with a relative error below 1e-8
    #[arg(
        long,
        value_name = "EVENTS",
        default_value_t = EXACT_BELOW,
        requires = "kernel",
        help_heading = "Kernel"
    )]
    exact_below: usize,
    /// Also fit to the events of the first share of the window, such as 0.8, and emit the
    /// log-likelihood of the others
    #[arg(long, value_name = "SHARE", requires = "kernel", help_heading = "Kernel")]
    held_out: Option<f64>,
    /// Emit 95 % intervals from the profile likelihood
    #[arg(long, value_name = "profile", requires = "kernel", help_heading = "Kernel")]
    intervals: Option<Intervals>,
    /// Fit one set of parameters to all cascades of the input, which are emitted at its end
    #[arg(
        long,
        requires = "kernel",
        conflicts_with_all = ["population", "held_out", "intervals"],
        help_heading = "Kernel"
    )]
    joint: bool,
}

/// The value of --kernel.
#[derive(Clone, Debug)]
struct Kernels(Vec<Family>);

impl FromStr for Kernels {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        if name == "best" {
            let families =
                [Family::Exponential, Family::PowerLaw, Family::SumExp(2), Family::Seismic];
            return Ok(Self(families.to_vec()));
        }
        let family = name.parse().map_err(|_| {
            format!("'{name}' is not exp, power-law, sum-exp:2, sum-exp:3, seismic or best")
        })?;
        Ok(Self(vec![family]))
    }
}

/// The value of --mark-exponent.
#[derive(Clone, Debug)]
struct MarkExponent(Exponent);

impl FromStr for MarkExponent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "fit" => Ok(Self(Exponent::Fit)),
            "none" => Ok(Self(Exponent::None)),
            number => match number.parse() {
                Ok(exponent) if (0.0..=5.0).contains(&exponent) => {
                    Ok(Self(Exponent::Fixed(exponent)))
                }
                _ => Err(format!("'{number}' is not fit, none, or a number from 0 to 5")),
            },
        }
    }
}

/// The value of --population.
#[derive(Clone, Debug)]
struct Users(Population);

impl FromStr for Users {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            _ if text == "fit" => Ok(Self(Population::Free)),
            Ok(users) if (1.0..1e15).contains(&users) => Ok(Self(Population::Fixed(users))),
            _ => Err(format!("'{text}' is not fit or a number of at least 1")),
        }
    }
}

/// The value of --intervals.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Intervals {
    /// From the profile likelihood
    Profile,
}

impl KernelFlags {
    /// The options of the stage; `None` without --kernel.
    pub(super) fn options(&self, marks: &MarkLaw) -> Result<Option<KernelOptions>, Usage> {
        let Some(Kernels(families)) = &self.kernel else { return Ok(None) };
        if let Some(share) = self.held_out
            && !(0.05..=0.95).contains(&share)
        {
            return Err(Usage(format!("--held-out must be from 0.05 to 0.95, not {share}")));
        }
        let exponent = self.mark_exponent.as_ref().map_or(Exponent::Fit, |given| given.0);
        let limit = marks.infinite_from();
        if let Exponent::Fixed(given) = exponent
            && given >= limit * (1.0 - f64::EPSILON)
        {
            return Err(Usage(format!(
                "--mark-exponent {given}: under the law of --marks the mean of a mark to this power is infinite, and with \
                 it every size; give less than {limit:.3}"
            )));
        }
        Ok(Some(KernelOptions {
            families: families.clone(),
            exponent,
            population: self.population.as_ref().map_or(Population::Infinite, |given| given.0),
            exact_below: self.exact_below,
            held_out: self.held_out,
            profile: self.intervals.is_some(),
            joint: self.joint,
        }))
    }

    /// Refuses what needs the end of the input, which a service does not have.
    pub(super) fn check_service(&self, kafka: bool) -> Result<(), Usage> {
        if self.joint && kafka {
            let text =
                "--joint needs the end of the input, and --kafka has none; remove one of them";
            return Err(Usage(text.to_owned()));
        }
        Ok(())
    }

    /// Logs for how many cascades each kernel had the smallest AIC, where there were several.
    pub(super) fn report(&self, winners: &BTreeMap<String, u64>) {
        if self.kernel.as_ref().is_none_or(|Kernels(families)| families.len() < 2) {
            return;
        }
        let total: u64 = winners.values().sum();
        let each: Vec<String> =
            winners.iter().map(|(kernel, count)| format!("{kernel} {count}")).collect();
        print_stderr(&format!("smallest AIC, of {total} fits: {}", each.join(", ")));
    }
}

/// The columns of the table that --kernel adds.
pub(super) const COLUMNS: &str = ",kernel,kernel_params,kernel_errors,kernel_lower,kernel_upper,\
                                  kernel_n_star,kernel_n_tot,kernel_status,kernel_log_likelihood,\
                                  aic,bic,held_out,kernel_ks,kernel_ks_p,ljung_box,ljung_box_p,verdict";

/// The fields of those columns.
pub(super) fn fields(it: &KernelFit) -> Vec<String> {
    let list = |named: &Named| -> String {
        let each: Vec<String> =
            named.iter().map(|(name, value)| format!("{name}={value}")).collect();
        each.join(" ")
    };
    let number = crate::rows::number;
    let part = |test: Option<[f64; 2]>, i: usize| number(test.map(|test| test[i]));
    let mut fields = vec![it.kernel.clone()];
    fields.extend([&it.params, &it.standard_errors, &it.lower, &it.upper].map(list));
    fields.extend([it.n_star.to_string(), number(it.n_tot), it.status.clone()]);
    fields.extend([it.log_likelihood, it.aic, it.bic].map(|value| value.to_string()));
    fields.push(number(it.held_out));
    fields.extend([part(it.ks, 0), part(it.ks, 1)]);
    fields.extend([part(it.ljung_box, 0), part(it.ljung_box, 1), it.verdict.clone()]);
    fields
}
