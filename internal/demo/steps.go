package demo

import "time"

// step is one part of the story.
type step struct {
	ID, Title string
	// Do says what to do, in paragraphs; Notice is how the story notices that it is done, behind "when".
	Do     []string
	Notice string
	// Opens are the buttons that open a page in a frame, After what is shown when the step was taken for somebody. Frames are those that are shown.
	Opens  []opens
	After  []opens
	Frames []string
	// Copies are texts to be typed, with what they are.
	Copies []copies
	done   func(f facts) bool
	take   func(s *Story, h *hand) error
}

// opens is a button that opens a page in the frame of somebody: a path there, or the name of a place.
type opens struct{ Label, Frame, Path string }

type copies struct{ Label, Text string }

// steps are the story, one after the other.
var steps = []step{
	{
		ID: "sign-up", Title: "Sign up", Frames: []string{"you"},
		Do:     []string{"This is the account service of a house, as everybody in it sees it. You are Ada. Create your account.", "The six digits come by e-mail: they lie in the mailbox below. Then give yourself the user name ada."},
		Opens:  []opens{{"Open the sign-up page", "you", "/sign-up"}},
		Copies: []copies{{"E-mail", You.Email}, {"Password", You.Password}},
		After:  []opens{{Frame: "you", Path: "/account"}},
		Notice: "the service’s record says that an account was made, and yours greets you",
		done:   func(f facts) bool { return f.you != "" && f.in }, take: signUp,
	},
	{
		ID: "second-step", Title: "Set up the second step", Frames: []string{"you"},
		Do: []string{"A password alone is not much. Press Open the second step, then Set it up: the authenticator app below sees the picture by itself, and shows six digits. Type them in, and press Continue.",
			"Then come ten recovery codes, for the day when the phone is lost. Tick that you have stored them, and press Turn the second step on.", "Since you also run this house, the story makes you an administrator afterwards."},
		Opens:  []opens{{"Open the second step", "you", "/account/second-step"}},
		After:  []opens{{Frame: "you", Path: "/account/second-step"}},
		Notice: "the record says that the second step was turned on",
		done:   func(f facts) bool { return !f.did("second-factor.on", time.Time{}).IsZero() }, take: secondStep,
	},
	{
		ID: "claim", Title: "Claim the server", Frames: []string{"server", "you"},
		Do: []string{"A gate stands before your films, and lets nobody in: it belongs to nobody. Press Claim Server on its page. A new tab opens; say there that it is yours, and come back.",
			"Then confirm its address, so that people are sent back to the right place: Manage, and the button beside the address."},
		Opens:  []opens{{"Open the server’s page", "server", "ready"}, {"Open your servers", "you", "/servers"}},
		After:  []opens{{Frame: "server", Path: "/.usher/"}, {Frame: "you", Path: "/servers"}},
		Notice: "the record says that the server was claimed, and that its address was confirmed",
		done:   func(f facts) bool { return f.times("server.claimed") > 0 && f.times("server.address-confirmed") > 0 }, take: claim,
	},
	{
		ID: "share", Title: "Share it", Frames: []string{"you", "emil"},
		Do: []string{"Nora lives with you, and Emil is a friend. Both have accounts here. Open Manage, and press Let somebody in, for each of them: write the user name, say of Nora that she belongs to your household, and press Invite them.",
			"Then be Emil: open the link of his e-mail from the mailbox, sign in as he does, and press Accept. The film is open to him."},
		Opens:  []opens{{"Open your servers", "you", "/servers"}},
		Copies: []copies{{"Your household", Nora.UserName}, {"Your guest", Emil.UserName}, {"His e-mail", Emil.Email}, {"His password", Emil.Password}},
		After:  []opens{{Frame: "you", Path: "people"}, {Frame: "emil", Path: "film"}},
		Notice: "the record says that you invited two people, and that one of them accepted",
		done:   func(f facts) bool { return f.times("server.guest-admitted") > 1 && f.came() }, take: share,
	},
	{
		ID: "tv", Title: "Link the TV", Frames: []string{"tv", "you"},
		Do:     []string{"Nobody types a password with a remote control. Press Show a code on the TV, and type its four characters at /link, where you are signed in."},
		Opens:  []opens{{"Turn the TV on", "tv", "/tv"}, {"Open /link", "you", "/link"}},
		After:  []opens{{Frame: "tv", Path: "/tv"}, {Frame: "you", Path: "/account/devices"}},
		Notice: "the TV says hello",
		done:   func(f facts) bool { return f.linked }, take: linkTV,
	},
	{
		ID: "play", Title: "Play a film", Frames: []string{"server"},
		Do:     []string{"The gate lets you in without asking anything: it knows you by your account. Press play and let it run."},
		Opens:  []opens{{"Open the film", "server", filmPage}},
		After:  []opens{{Frame: "server", Path: filmPage}},
		Notice: "parts of the film come through the gate",
		done:   func(f facts) bool { return !f.played.IsZero() }, take: play,
	},
	{
		ID: "incident", Title: "Declare an incident", Frames: []string{"you", "server"},
		Do: []string{"Somebody has a copy of the database. As the one who runs this house, you have every password chosen anew: write an incident, see what it does, and declare it.",
			"It asks for the number of accounts, so that nobody does this by mistake."},
		Opens:  []opens{{"Write an incident", "you", "/admin/incidents/new"}},
		Notice: "the record says that an incident was declared",
		done:   func(f facts) bool { return !f.incident().IsZero() }, take: declare,
	},
	{
		ID: "stop", Title: "See everything stop", Frames: []string{"server", "tv", "you"},
		Do:     []string{"Touch nothing, and watch: within five seconds the gate ends the film, the TV is signed out, and so is your browser. Your films, your settings and the list of people stay as they are."},
		After:  []opens{{Frame: "server", Path: filmPage}, {Frame: "tv", Path: "/tv?why=out"}, {Frame: "you", Path: "/account/devices"}},
		Notice: "the gate refuses you, the TV says that it is signed out, and your browser is asked to sign in",
		done: func(f facts) bool {
			return since(f.shut, f.incident()) && !f.tv && !f.in || f.times("password.reset") > 0
		}, take: (*Story).lookAround,
	},
	{
		ID: "back", Title: "Come back", Frames: []string{"you"},
		Do:     []string{"Sign in as always: the old password is right, and opens nothing. Have the e-mail sent, open its link from the mailbox, show the digits, and choose a new password."},
		Opens:  []opens{{"Sign in", "you", "/sign-in"}},
		Copies: []copies{{"E-mail", You.Email}, {"Old password", You.Password}, {"New password", second}},
		After:  []opens{{Frame: "you", Path: "/account"}},
		Notice: "the record says that the password was chosen anew, and your account is open",
		done:   func(f facts) bool { return f.times("password.reset") > 0 && f.in }, take: comeBack,
	},
	{
		ID: "bring-back", Title: "Bring the server back", Frames: []string{"you", "server"},
		Do:     []string{"Your server waits for you: it lets nobody in until its owner says so. Nothing has to be set up anew. Press Bring back."},
		Opens:  []opens{{"Open your servers", "you", "/servers"}},
		After:  []opens{{Frame: "you", Path: "/servers"}},
		Notice: "the record says that the server was brought back",
		done:   func(f facts) bool { return f.times("server.brought-back") > 0 }, take: bringBack,
	},
	{
		ID: "again", Title: "Play again", Frames: []string{"server"},
		Do:     []string{"The film is where it was, and so is everybody on your list. That is the whole story."},
		Opens:  []opens{{"Open the film", "server", filmPage}},
		After:  []opens{{Frame: "server", Path: filmPage}},
		Notice: "parts of the film come through the gate again",
		done:   func(f facts) bool { return since(f.played, f.did("server.brought-back", time.Time{})) }, take: play,
	},
}
