package runner

const orphanEnv = "RERIG_TEST_ORPHAN"

func orphanMain(string) {}
