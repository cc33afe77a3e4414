-- Third step of 0004.
RENAME TABLE IF EXISTS {database}.patterns_fine TO {database}.patterns;
