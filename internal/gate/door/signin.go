package door

// SignInPath is where a browser is sent to sign in; rd is the path it comes back to.
const SignInPath = "/.usher/sign-in"
