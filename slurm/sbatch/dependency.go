package sbatch

import "strings"

// After returns a copy in which the job also waits for these jobs: kind is a word
// of --dependency, such as "afterok", ids are numbers as Slurm prints them ("12",
// "12_3"). What it waits for already has to happen as well.
func (o Options) After(kind string, ids ...string) Options {
	if len(ids) == 0 {
		return o
	}
	dep := kind + ":" + strings.Join(ids, ":")
	if given, _ := o.Get("dependency"); given != "" {
		dep = given + "," + dep
	}
	return o.Set("dependency", dep)
}

// Awaited are the jobs that the options wait for with that word, as --dependency
// names them, without the minutes behind a plus sign.
func (o Options) Awaited(kind string) (ids []string) {
	dep, _ := o.Get("dependency")
	for _, part := range strings.FieldsFunc(dep, func(r rune) bool { return r == ',' || r == '?' }) {
		word, list, _ := strings.Cut(part, ":")
		if word != kind {
			continue
		}
		for _, id := range strings.Split(list, ":") {
			if id, _, _ = strings.Cut(id, "+"); id != "" {
				ids = append(ids, id)
			}
		}
	}
	return ids
}
