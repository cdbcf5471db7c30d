package runner

// nonBlock is nothing here: an output directory has no pipes.
const nonBlock = 0
