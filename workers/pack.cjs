// What piscina loads: it asks require() first, which loads a module of this kind at one go, and a thread that is ended in the middle of that takes the
// process with it (Node 20: "IsGraphAsync must be used on an instantiated module"). An import may be ended anywhere.
module.exports = import("./pack.js").then((loaded) => loaded.default);
