package notice_test

import (
	"testing"

	"usher/internal/credential"
	"usher/internal/notice"
)

// A mail that promises a link must live as long as the link, and no longer.
func TestLivesAreThoseOfTheLinksInside(t *testing.T) {
	for kind, carried := range map[notice.Kind]credential.Kind{
		notice.KindConfirmSignUp: credential.SignUpLink, notice.KindConfirmAddress: credential.Change, notice.KindConfirmNoticeAddress: credential.Change,
		notice.KindReset: credential.Reset, notice.KindInvitation: credential.Invitation, notice.KindNewDevice: credential.NotMe,
		notice.KindPasswordChanged: credential.NotMe, notice.KindAddressChanged: credential.Undo,
		notice.KindSecondFactorOn: credential.NotMe, notice.KindPasskeyAdded: credential.NotMe, notice.KindPasskeyRemoved: credential.NotMe, notice.KindPasskeyAlarm: credential.NotMe, notice.KindSecondFactorOff: credential.NotMe, notice.KindRecoveryCodesReplaced: credential.NotMe,
		notice.KindRecoveryCodeUsed: credential.NotMe, notice.KindCodesRefused: credential.NotMe, notice.KindFactorRemovalStopped: credential.NotMe,
		notice.KindFactorRemoved: credential.NotMe, notice.KindAppPasswordMade: credential.NotMe, notice.KindServerClaimed: credential.NotMe,
		notice.KindServersBack: credential.NotMe, notice.KindServerUnclaimed: credential.NotMe,
		notice.KindConfirmArrival: credential.Arrival, notice.KindIdentityLinked: credential.NotMe, notice.KindIdentityUnlinked: credential.NotMe,
	} {
		if mail, link := kind.Life(), credential.Rules[carried].Life; mail != link {
			t.Errorf("%s lives %s and its link %s", kind, mail, link)
		}
	}
}
