# Independent figures: R clubSandwich (CR2, CR3, Satterthwaite) and sandwich (two-way), with all dummies written out.
#   Rscript make_figures.R panel.csv [mpdta.csv] > figures.csv
# mpdta.csv (countyreal, year, lemp, first.treat) is what PyPI's moderndid ships: load_mpdta().to_pandas().to_csv(...)
suppressMessages({library(clubSandwich); library(sandwich)})
args <- commandArgs(trailingOnly = TRUE)
cat(sprintf("# %s; clubSandwich %s; sandwich %s\n", R.version.string, packageVersion("clubSandwich"), packageVersion("sandwich")))
cat("case,effect,estimate,error,degrees\n")
say <- function(case, effect, b, se, df) cat(sprintf("%s,%s,%.12g,%.12g,%.12g\n", case, effect, b, se, df))

leverage <- function(case, model, cluster, type, keep, ...) {
  v <- vcovCR(model, cluster = cluster, type = type, ...)
  t <- coef_test(model, vcov = v, test = "Satterthwaite")
  t <- as.data.frame(t)
  for (name in keep) say(case, name, t[name, "beta"], t[name, "SE"], t[name, "df_Satt"])
}

# clubSandwich's CR3 stops where unit dummies make a cluster's leverage 1: refits without each cluster instead
jackknife <- function(case, model, cluster, data, keep) {
  b <- coef(model)[keep]
  total <- 0
  for (j in unique(cluster)) total <- total + (coef(update(model, data = data[cluster != j, ]))[keep] - b)^2
  for (name in keep) say(case, name, b[[name]], sqrt(total[[name]]), NA)
}

d <- read.csv(args[1])
d$e <- ifelse(d$cohort > 0, d$period - d$cohort, -1)   # never-treated share the reference
d$treated <- as.numeric(d$cohort > 0 & d$e >= 0)
times <- setdiff(sort(unique(d$e)), -1)
for (e in times) d[[paste0("e", sub("-", "m", e))]] <- as.numeric(d$cohort > 0 & d$e == e)
dummies <- paste0("e", sub("-", "m", times))
static <- lm(y ~ treated + factor(unit) + factor(period), d)
dynamic <- lm(as.formula(paste("y ~", paste(dummies, collapse = "+"), "+ factor(unit) + factor(period)")), d)
adjusted <- lm(y ~ treated + z + factor(unit) + factor(period), d)
weighted <- lm(y ~ treated + factor(unit) + factor(period), d, weights = w)
leverage("CR2 unit static", static, d$unit, "CR2", "treated")
leverage("CR2 unit dynamic", dynamic, d$unit, "CR2", dummies)
leverage("CR2 cluster static", static, d$cluster, "CR2", "treated")
leverage("CR2 cluster dynamic", dynamic, d$cluster, "CR2", dummies)
leverage("CR2 covariate", adjusted, d$unit, "CR2", "treated")
leverage("CR2 weighted", weighted, d$unit, "CR2", "treated", target = 1 / d$w, inverse_var = TRUE)
jackknife("CR3 unit static", static, d$unit, d, "treated")
jackknife("CR3 cluster static", static, d$cluster, d, "treated")
jackknife("CR3 unit dynamic", dynamic, d$unit, d, dummies)
jackknife("CR3 covariate", adjusted, d$unit, d, "treated")
jackknife("CR3 weighted", weighted, d$unit, d, "treated")
two <- function(case, model, by, keep) {
  v <- vcovCL(model, cluster = by, type = "HC0", cadjust = FALSE)
  for (name in keep) say(case, name, coef(model)[[name]], sqrt(v[name, name]), NA)
}
two("two_way unit static", static, d[, c("unit", "period")], "treated")
two("two_way cluster static", static, d[, c("cluster", "period")], "treated")
two("two_way cluster covariate", adjusted, d[, c("cluster", "period")], "treated")

if (length(args) > 1) {
  m <- read.csv(args[2])
  m$treated <- as.numeric(m$first.treat > 0 & m$year >= m$first.treat)
  county <- lm(lemp ~ treated + factor(countyreal) + factor(year), m)
  leverage("CR2 mpdta", county, m$countyreal, "CR2", "treated")
}
