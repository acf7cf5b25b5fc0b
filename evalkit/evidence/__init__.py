"""One study's evidence summary: schema, effect sizes, natural units, finding, rating, words, disclosure."""
