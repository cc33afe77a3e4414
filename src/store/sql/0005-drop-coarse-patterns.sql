-- Second step of 0004: every pattern stands in patterns_fine.
DROP TABLE IF EXISTS {database}.patterns;
