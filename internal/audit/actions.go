package audit

// Actions lists every act, in the order people look for them.
func Actions() []Action {
	return []Action{
		AccountCreated, AccountLocked, AccountUnlocked, AccountErased, AdminGranted, DeletionAsked, DeletionRevoked, DataDownloaded, ProfileChanged, NotMeReported,
		EmailAsked, EmailChanged, EmailRestored, NoticeChanged,
		SignedIn, SignInFailed, SignInRefused, ProvedAgain, SignedOut, SignedOutAll, DevicesTrimmed,
		ResetRequired, ResetAsked, ResetLinkMade, ResetProved, PasswordReset, PasswordChanged,
		SecondFactorOn, SecondFactorOff, CodesReplaced, FactorFailed, BrowserForgotten,
		RemovalAsked, RemovalStopped, FactorRemoved, AppPasswordMade, ClaimTokenMade, ServerClaimed, DeviceKeySet,
		ServerSignedOut, ServerBack, ServerUnclaimed, ServerAddressOn, ServerAddressOff, ServerTypesOn, ServerTypesOff, GuestAdmitted, GuestChanged, GuestDismissed, GuestCame, ServerJoined, ServerTakenAway, ServerLeft, ServerDeclined,
		LinkApproved, LinkDenied, LinkCodeWrong,
		AppAllowed, AppRemoved, AppReused,
		InvitationMade, CodeFailed, InvitationEnded,
		SetUpLinkMade, KeysRotated, MailRetried,
		IncidentProposed, IncidentDeclared, IncidentAlone, IncidentAdvised, IncidentWithdrawn, IncidentPaused, IncidentResumed, IncidentApplied,
		ClientRegistered, ClientChanged, ClientRemoved, ClientSecretMade, ClientSecretEnded, ClientTokensEnded,
	}
}
