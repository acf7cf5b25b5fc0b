# Data of the vignette of R CausalImpact (Brodersen and Hauser, google.github.io/CausalImpact), from its seed.
# Run: Rscript causal_impact_vignette.R > causal_impact_vignette.csv   (R 4.2.2)
set.seed(1)
x1 <- 100 + arima.sim(model = list(ar = 0.999), n = 100)
y <- 1.2 * x1 + rnorm(100)
y[71:100] <- y[71:100] + 10
cat("y,x1\n")
cat(sprintf("%.17g,%.17g\n", y, x1), sep = "")
