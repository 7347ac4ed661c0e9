package audit

// Actions lists every act, in the order people look for them.
func Actions() []Action {
	return []Action{
		AccountCreated, AccountLocked, AccountUnlocked, AccountErased, AdminGranted, DeletionAsked, DeletionRevoked, DataDownloaded, ProfileChanged, NotMeReported,
		EmailAsked, EmailChanged, EmailRestored, NoticeChanged,
		SignedIn, SignInFailed, SignInRefused, ProvedAgain, SignedOut, SignedOutAll, DevicesTrimmed,
		ResetRequired, ResetAsked, ResetLinkMade, ResetProved, PasswordReset, PasswordChanged,
		SecondFactorOn, SecondFactorOff, CodesReplaced, FactorFailed, BrowserForgotten,
		CodeAlwaysOn, CodeAlwaysOff, IdentityLinked, IdentityUnlinked, AccountTakenOver, ConfirmedAfresh,
		RemovalAsked, RemovalStopped, FactorRemoved, PasskeyAdded, PasskeyRenamed, PasskeyRemoved, PasskeyRefused, PasskeyAlarm, PasskeyKept, AppPasswordMade, ClaimTokenMade, ServerClaimed, DeviceKeySet,
		ServerSignedOut, ServerBack, ServerUnclaimed, ServerAddressOn, ServerAddressOff, ServerTypesOn, ServerTypesOff, GuestAdmitted, GuestChanged, GuestDismissed, GuestCame, ServerJoined, ServerTakenAway, ServerLeft, ServerDeclined,
		HomeInvited, HomeJoined, HomeDeclined, HomeLeft, HomeTakenOut, HomeEnded, HomeMemberJoined, HomeMemberLeft, HomeMemberAdded, HomeMemberChanged, HomeMemberRemoved, HomePINSet, HomePINCleared, HomePINGuessed, HomeUnlocked, HomeSwitched, HomeBack, HomeSwitchEnded, HomeServerOpened,
		LinkApproved, LinkDenied, LinkCodeWrong,
		AppAllowed, AppRemoved, AppReused,
		InvitationMade, CodeFailed, InvitationEnded,
		SetUpLinkMade, KeysRotated, MailRetried,
		IncidentProposed, IncidentDeclared, IncidentAlone, IncidentAdvised, IncidentWithdrawn, IncidentPaused, IncidentResumed, IncidentApplied,
		ClientRegistered, ClientChanged, ClientRemoved, ClientSecretMade, ClientSecretEnded, ClientTokensEnded,
	}
}
